import { ChevronDown, type LucideIcon, MoreHorizontal } from "lucide-react";
import { DropdownMenu } from "radix-ui";
import { useRef, useState } from "react";

export interface Item {
  label: string;
  Icon?: LucideIcon;
  danger?: boolean;
  disabled?: boolean;
  /** The keys that do the same: "Alt A". */
  keys?: string;
  onSelect: () => void;
}

interface Props {
  label: string;
  items: Item[];
  /** A button with these words instead of three dots. */
  text?: string;
  look?: "plain" | "primary";
}

/** Actions that are not worth a button each. */
export function Menu({ label, items, text, look = "plain" }: Props) {
  const trigger = useRef<HTMLButtonElement>(null);
  const [place, setPlace] = useState<HTMLElement | null>(null);
  // In the page's own landmark, or in the dialog that hides the page from screen readers.
  const seek = () => setPlace(trigger.current?.closest<HTMLElement>("[role=dialog], main") ?? null);
  return (
    <DropdownMenu.Root modal={false} onOpenChange={seek}>
      {text ? (
        <DropdownMenu.Trigger ref={trigger} className={`button button-${look}`} aria-label={label}>
          {text}
          <ChevronDown size={14} aria-hidden />
        </DropdownMenu.Trigger>
      ) : (
        <DropdownMenu.Trigger ref={trigger} className="icon-button" aria-label={label} title={label}>
          <MoreHorizontal size={16} aria-hidden />
        </DropdownMenu.Trigger>
      )}
      <DropdownMenu.Portal container={place}>
        <DropdownMenu.Content className="menu" align="end" sideOffset={4}>
          {items.map(({ label: name, Icon, danger, disabled, keys, onSelect }) => (
            <DropdownMenu.Item
              key={name}
              className={danger ? "menu-item menu-danger" : "menu-item"}
              disabled={disabled ?? false}
              onSelect={onSelect}
            >
              {Icon ? <Icon size={15} aria-hidden /> : null}
              {name}
              {keys ? <kbd aria-hidden>{keys}</kbd> : null}
            </DropdownMenu.Item>
          ))}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}
