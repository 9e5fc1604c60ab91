/** The composer's own keys: everything that the mouse does. */

import { useEffect, useRef } from "react";
import { typing } from "../app/shortcuts";
import type { Shortcut } from "../ui/Keys";

export interface Hands {
  arrow(key: string, extend: boolean): void;
  add(): void;
  connect(): void;
  edit(): void;
  remove(): void;
  undo(): void;
  redo(): void;
  save(): void;
  all(): void;
  duplicate(): void;
  collapse(): void;
  tidy(): void;
  /** Asks how the chosen steps are put in a row. */
  line(): void;
  /** By the keys held with Alt: "KeyA", "Shift KeyH"; false: they mean nothing. */
  align(code: string): boolean;
  leave(): void;
  copy(data: DataTransfer): boolean;
  paste(text: string): void;
}

export const KEYS: Shortcut[] = [
  { keys: "a", does: "add a step" },
  { keys: "c", does: "connect the chosen step" },
  { keys: "← ↑ ↓ →", does: "go from step to step" },
  { keys: "Enter", does: "edit the chosen step" },
  { keys: "Delete", does: "delete what is chosen" },
  { keys: "Ctrl Z", does: "undo" },
  { keys: "Ctrl Y", does: "redo" },
  { keys: "Ctrl C", does: "copy" },
  { keys: "Ctrl V", does: "paste, from any document" },
  { keys: "Ctrl D", does: "duplicate" },
  { keys: "Ctrl A", does: "choose everything" },
  { keys: "Ctrl G", does: "put the chosen steps into a template" },
  { keys: "t", does: "arrange the chosen steps, or all" },
  { keys: "l", does: "put the chosen steps in a row, or at equal gaps" },
  { keys: "Ctrl S", does: "save" },
  { keys: "Escape", does: "choose nothing; leave an opened template" },
];

/** On the drawing itself, above it, or nowhere in particular; never where somebody types or in a dialog. */
function mine(target: EventTarget | null): boolean {
  if (typing(target) || !(target instanceof HTMLElement)) return false;
  return target === document.body || target.closest("[data-drawing], .toolbar") !== null;
}

const AFTER_G = 1200;

export function useKeys(hands: Hands): void {
  const latest = useRef(hands);
  latest.current = hands;
  useEffect(() => {
    let went = Number.NEGATIVE_INFINITY;
    const press = (event: KeyboardEvent) => {
      const goes = event.timeStamp - went < AFTER_G;
      if (event.key === "g" && !event.ctrlKey && !event.metaKey) went = event.timeStamp;
      if (goes || event.defaultPrevented) return;
      const done = event.ctrlKey || event.metaKey ? chord(event, latest.current) : plain(event, latest.current);
      if (done) event.preventDefault();
    };
    const copy = (event: ClipboardEvent) => {
      if (!mine(document.activeElement) || !event.clipboardData || window.getSelection()?.toString()) return;
      if (latest.current.copy(event.clipboardData)) event.preventDefault();
    };
    const paste = (event: ClipboardEvent) => {
      const text = event.clipboardData?.getData("text/plain");
      if (mine(document.activeElement) && text) latest.current.paste(text);
    };
    window.addEventListener("keydown", press);
    window.addEventListener("copy", copy);
    window.addEventListener("paste", paste);
    return () => {
      window.removeEventListener("keydown", press);
      window.removeEventListener("copy", copy);
      window.removeEventListener("paste", paste);
    };
  }, []);
}

function chord(event: KeyboardEvent, hands: Hands): boolean {
  const key = event.key.toLowerCase();
  if (key === "s") return does(hands.save);
  if (typing(event.target)) return false;
  if (key === "z") return does(event.shiftKey ? hands.redo : hands.undo);
  if (key === "y") return does(hands.redo);
  if (!mine(event.target)) return false;
  if (key === "a") return does(hands.all);
  if (key === "d") return does(hands.duplicate);
  return key === "g" ? does(hands.collapse) : false;
}

function plain(event: KeyboardEvent, hands: Hands): boolean {
  if (!mine(event.target)) return false;
  if (event.altKey) return hands.align(event.shiftKey ? `Shift ${event.code}` : event.code);
  const inButton = event.target instanceof HTMLElement && event.target.closest("button") !== null;
  if (event.key.startsWith("Arrow")) return does(() => hands.arrow(event.key, event.shiftKey));
  if (event.key === "a") return does(hands.add);
  if (event.key === "c") return does(hands.connect);
  if (event.key === "t") return does(hands.tidy);
  if (event.key === "l") return does(hands.line);
  if (event.key === "Enter" && !inButton) return does(hands.edit);
  if (event.key === "Delete" || event.key === "Backspace") return does(hands.remove);
  return event.key === "Escape" ? does(hands.leave) : false;
}

function does(what: () => void): true {
  what();
  return true;
}
