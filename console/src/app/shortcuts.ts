/** Keys that work on every page, unless somebody is typing. */

import { useNavigate } from "@tanstack/react-router";
import { useEffect } from "react";
import { SECTIONS, inside } from "./sections";

export interface Shortcut {
  keys: string;
  does: string;
}

/** For the help; pages that have keys of their own say so themselves. */
export const SHORTCUTS: Shortcut[] = [
  { keys: "Ctrl K", does: "go anywhere, do anything" },
  { keys: "/", does: "search on this page" },
  { keys: "?", does: "this help" },
  ...SECTIONS.map((s) => ({ keys: `g ${s.letter}`, does: s.label })),
];

const SOON = 1200;

export function typing(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

export function useShortcuts(namespace: string, open: (what: "palette" | "help") => void): void {
  const navigate = useNavigate();
  useEffect(() => {
    let went = 0;
    const press = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
        event.preventDefault();
        open("palette");
        return;
      }
      if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
      if (event.key === "?") open("help");
      else if (event.key === "/") focusSearch(event);
      else if (event.key === "g") went = event.timeStamp;
      else if (event.timeStamp - went < SOON) {
        went = 0;
        const section = SECTIONS.find((s) => s.letter === event.key);
        if (section) void navigate({ to: inside(section.to, namespace) });
      }
    };
    window.addEventListener("keydown", press);
    return () => window.removeEventListener("keydown", press);
  }, [namespace, navigate, open]);
}

function focusSearch(event: KeyboardEvent): void {
  const field = document.querySelector<HTMLInputElement>("main input[type=search]");
  if (!field) return;
  event.preventDefault();
  field.focus();
}
