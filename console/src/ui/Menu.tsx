import { ChevronDown, type LucideIcon, MoreHorizontal } from "lucide-react";
import { DropdownMenu } from "radix-ui";

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
  return (
    <DropdownMenu.Root modal={false}>
      {text ? (
        <DropdownMenu.Trigger className={`button button-${look}`} aria-label={label}>
          {text}
          <ChevronDown size={14} aria-hidden />
        </DropdownMenu.Trigger>
      ) : (
        <DropdownMenu.Trigger className="icon-button" aria-label={label} title={label}>
          <MoreHorizontal size={16} aria-hidden />
        </DropdownMenu.Trigger>
      )}
      <DropdownMenu.Portal>
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
