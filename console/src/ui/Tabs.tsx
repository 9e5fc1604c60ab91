import { Tabs as Radix } from "radix-ui";
import type { ReactNode } from "react";

export interface Tab {
  value: string;
  label: string;
  content: ReactNode;
}

/** `value` belongs into the page's search parameters, so that a tab has a link. */
export function Tabs(props: { label: string; tabs: Tab[]; value?: string | undefined; onChange?: (value: string) => void }) {
  const { label, tabs, value, onChange } = props;
  const first = tabs[0]?.value ?? "";
  const given = value !== undefined && tabs.some((t) => t.value === value) ? value : first;
  const state = onChange ? { value: given, onValueChange: onChange } : { defaultValue: given };
  return (
    <Radix.Root className="tabs" {...state}>
      <Radix.List aria-label={label}>
        {tabs.map((tab) => (
          <Radix.Trigger key={tab.value} value={tab.value}>
            {tab.label}
          </Radix.Trigger>
        ))}
      </Radix.List>
      {tabs.map((tab) => (
        <Radix.Content key={tab.value} value={tab.value} className="tab">
          {tab.content}
        </Radix.Content>
      ))}
    </Radix.Root>
  );
}
