import type { LucideIcon } from "lucide-react";
import type { ButtonHTMLAttributes, ReactNode } from "react";

interface Props extends ButtonHTMLAttributes<HTMLButtonElement> {
  look?: "plain" | "primary" | "danger" | "ghost";
  Icon?: LucideIcon;
  children: ReactNode;
}

export function Button({ look = "plain", Icon, children, className = "", ...rest }: Props) {
  return (
    <button type="button" {...rest} className={`button button-${look} ${className}`}>
      {Icon ? <Icon size={15} aria-hidden /> : null}
      {children}
    </button>
  );
}

interface IconProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  label: string;
  Icon: LucideIcon;
}

/** A button that is only a picture says its name to a reader and to a pointer that rests on it. */
export function IconButton({ label, Icon, className = "", ...rest }: IconProps) {
  return (
    <button type="button" aria-label={label} title={label} {...rest} className={`icon-button ${className}`}>
      <Icon size={16} aria-hidden />
    </button>
  );
}
