/** Keys that work on every page, unless somebody is typing. */

import { useNavigate } from "@tanstack/react-router";
import { useEffect } from "react";
import type { Shortcut } from "../ui/Keys";
import { SECTIONS, inside } from "./sections";

/** For the help; pages that have keys of their own say so themselves. */
export const SHORTCUTS: Shortcut[] = [
  { keys: "Ctrl K", does: "go anywhere" },
  { keys: "/", does: "search on this page" },
  { keys: "?", does: "this help" },
  ...SECTIONS.map((s) => ({ keys: `g ${s.letter}`, does: s.label })),
];

interface PageKeys {
  title: string;
  keys: Shortcut[];
}

let ofPage: PageKeys | null = null;

/** What the page that is open has besides. */
export function pageKeys(): PageKeys | null {
  return ofPage;
}

/** A page's own keys are in the help while it is open. The list must be the same object at each render. */
export function usePageKeys(title: string, keys: Shortcut[]): void {
  useEffect(() => {
    const own = { title, keys };
    ofPage = own;
    return () => {
      if (ofPage === own) ofPage = null;
    };
  }, [title, keys]);
}

const SOON = 1200;

export function typing(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

export function useShortcuts(namespace: string, open: (what: "palette" | "help") => void): void {
  const navigate = useNavigate();
  useEffect(() => {
    const go = (letter: string) => {
      const section = SECTIONS.find((s) => s.letter === letter);
      if (section) void navigate({ to: inside(section.to, namespace) });
    };
    let went = Number.NEGATIVE_INFINITY;
    const single: Record<string, (event: KeyboardEvent) => void> = {
      "?": () => open("help"),
      "/": focusSearch,
      g: (event) => (went = event.timeStamp),
    };
    const press = (event: KeyboardEvent) => {
      if (asksForPalette(event)) {
        event.preventDefault();
        open("palette");
      } else if (!event.ctrlKey && !event.metaKey && !event.altKey && !typing(event.target)) {
        const second = event.timeStamp - went < SOON;
        went = Number.NEGATIVE_INFINITY;
        if (second) go(event.key);
        else single[event.key]?.(event);
      }
    };
    window.addEventListener("keydown", press);
    return () => window.removeEventListener("keydown", press);
  }, [namespace, navigate, open]);
}

function asksForPalette(event: KeyboardEvent): boolean {
  return (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k";
}

function focusSearch(event: KeyboardEvent): void {
  const field = document.querySelector<HTMLInputElement>("main input[type=search]");
  if (!field) return;
  event.preventDefault();
  field.focus();
}
