import { type LucideIcon, MoreHorizontal } from "lucide-react";
import { DropdownMenu } from "radix-ui";

export interface Item {
  label: string;
  Icon?: LucideIcon;
  danger?: boolean;
  disabled?: boolean;
  onSelect: () => void;
}

/** Actions that are not worth a button each. */
export function Menu({ label, items }: { label: string; items: Item[] }) {
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger className="icon-button" aria-label={label} title={label}>
        <MoreHorizontal size={16} aria-hidden />
      </DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content className="menu" align="end" sideOffset={4}>
          {items.map(({ label: text, Icon, danger, disabled, onSelect }) => (
            <DropdownMenu.Item
              key={text}
              className={danger ? "menu-item menu-danger" : "menu-item"}
              disabled={disabled ?? false}
              onSelect={onSelect}
            >
              {Icon ? <Icon size={15} aria-hidden /> : null}
              {text}
            </DropdownMenu.Item>
          ))}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}
