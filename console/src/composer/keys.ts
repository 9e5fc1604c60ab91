/** The composer's own keys: everything that the mouse does. One table says what is pressed, what it does, and where. */

import { useEffect, useRef } from "react";
import { typing } from "../app/shortcuts";
import type { Shortcut } from "../ui/Keys";

/** What keys do, by name; false: nothing, and the browser may do what it does. */
export type Hands = Record<Hand, (event: KeyboardEvent) => unknown> & {
  copy(data: DataTransfer): boolean;
  paste(text: string): void;
};

export type Hand =
  | "walk" | "nudge" | "add" | "connect" | "supply" | "line" | "edit" | "enter" | "note" | "remove" | "undo" | "redo" | "save" | "run" | "all" | "duplicate"
  | "collapse" | "expand" | "tidy" | "row" | "align" | "zoom" | "pane" | "leave";

interface Binding {
  hand: Hand;
  /** As events are named here: "Ctrl Shift z"; letters with Alt are those of the keyboard's places. */
  press: readonly string[];
  /** For the list of keys; none: it is told of elsewhere. */
  says?: Shortcut;
  /** Where it is heard: on the drawing; wherever nobody types; everywhere. */
  heard?: "drawing" | "beside" | "everywhere";
}

const ARROWS = ["ArrowLeft", "ArrowUp", "ArrowRight", "ArrowDown"];
const holding = (held: string) => ARROWS.map((arrow) => `${held} ${arrow}`);

const BINDINGS: readonly Binding[] = [
  { hand: "add", press: ["a"], says: { keys: "a", does: "add a step; into the chosen line, if one is chosen" } },
  { hand: "connect", press: ["c"], says: { keys: "c", does: "connect what the chosen step gives" } },
  { hand: "supply", press: ["C"], says: { keys: "Shift c", does: "connect what the chosen step needs" } },
  { hand: "walk", press: [...ARROWS, ...holding("Shift")], says: { keys: "← ↑ ↓ →", does: "go from step to step; with Shift, choose them, too" } },
  { hand: "line", press: ["e", "E"], says: { keys: "e", does: "go from line to line; Shift e: back" } },
  { hand: "nudge", press: [...holding("Ctrl"), ...holding("Ctrl Shift")], says: { keys: "Ctrl ← ↑ ↓ →", does: "move the chosen steps; with Shift, farther" } },
  { hand: "edit", press: ["Enter"], says: { keys: "Enter", does: "edit what is chosen; Escape comes back" } },
  { hand: "enter", press: ["o"], says: { keys: "o", does: "open the chosen step's own drawing" } },
  { hand: "leave", press: ["Escape"], says: { keys: "Escape", does: "choose nothing; leave an opened drawing" } },
  { hand: "note", press: ["n"], says: { keys: "n", does: "write a note" } },
  { hand: "remove", press: ["Delete", "Backspace"], says: { keys: "Delete", does: "delete what is chosen" } },
  { hand: "tidy", press: ["t"], says: { keys: "t", does: "arrange the chosen steps, or all" } },
  { hand: "row", press: ["l"], says: { keys: "l", does: "put the chosen steps in a row, or at equal gaps" } },
  { hand: "align", press: ["A", "H", "D", "W", "V", "S", "Shift H", "Shift V"].map((key) => `Alt ${key}`) },
  { hand: "zoom", press: ["+", "=", "-", "0"], says: { keys: "+ - 0", does: "larger, smaller, everything" } },
  { hand: "pane", press: ["F6", "Shift F6"], heard: "everywhere", says: { keys: "F6", does: "go to the next part of the page; Shift F6: back" } },
  { hand: "run", press: ["Ctrl Enter"], heard: "beside", says: { keys: "Ctrl Enter", does: "run" } },
  { hand: "save", press: ["Ctrl s"], heard: "everywhere", says: { keys: "Ctrl s", does: "save" } },
  { hand: "undo", press: ["Ctrl z"], heard: "beside", says: { keys: "Ctrl z", does: "undo" } },
  { hand: "redo", press: ["Ctrl y", "Ctrl Shift z"], heard: "beside", says: { keys: "Ctrl y", does: "redo" } },
  { hand: "all", press: ["Ctrl a"], says: { keys: "Ctrl a", does: "choose everything" } },
  { hand: "duplicate", press: ["Ctrl d"], says: { keys: "Ctrl d", does: "duplicate" } },
  { hand: "collapse", press: ["Ctrl g"], says: { keys: "Ctrl g", does: "put the chosen steps into a template" } },
  { hand: "expand", press: ["Ctrl Shift g"], says: { keys: "Ctrl Shift g", does: "take the steps out of the chosen template" } },
];

const CLIPBOARD: Shortcut[] = [
  { keys: "Ctrl c", does: "copy" },
  { keys: "Ctrl v", does: "paste, from any document" },
];

export const KEYS: Shortcut[] = [...BINDINGS.flatMap(({ says }) => says ?? []), ...CLIPBOARD];

const BY_PRESS = new Map(BINDINGS.flatMap((each) => each.press.map((press) => [press, each] as const)));

/** "Ctrl Shift z". Shift is told where the key itself does not tell it. */
export function pressed({ key, code, ctrlKey, metaKey, altKey, shiftKey }: KeyboardEvent): string {
  const held = ctrlKey || metaKey;
  const plain = altKey ? code.replace(/^Key/, "") : held && key.length === 1 ? key.toLowerCase() : key;
  const shift = shiftKey && (held || altKey || key.length > 1);
  return [held ? "Ctrl" : "", altKey ? "Alt" : "", shift ? "Shift" : "", plain].filter(Boolean).join(" ");
}

/** On the drawing itself, above it, or nowhere in particular; never where somebody types or in a dialog. */
function onDrawing(target: EventTarget | null): boolean {
  if (typing(target) || !(target instanceof HTMLElement)) return false;
  return target === document.body || target.closest("[data-drawing], .toolbar") !== null;
}

function isHeard({ heard = "drawing", hand }: Binding, target: EventTarget | null): boolean {
  if (heard === "everywhere") return true;
  if (heard === "beside") return !typing(target);
  const inButton = target instanceof HTMLElement && target.closest("button") !== null;
  return onDrawing(target) && !(hand === "edit" && inButton);
}

const AFTER_G = 1200;

export function useKeys(hands: Hands): void {
  const latest = useRef(hands);
  latest.current = hands;
  useEffect(() => {
    let went = Number.NEGATIVE_INFINITY;
    const press = (event: KeyboardEvent) => {
      const goes = event.timeStamp - went < AFTER_G;
      const name = pressed(event);
      if (name === "g" && !typing(event.target)) went = event.timeStamp;
      if (goes || event.defaultPrevented) return;
      const found = BY_PRESS.get(name);
      if (found && isHeard(found, event.target) && latest.current[found.hand](event) !== false) event.preventDefault();
      else if (name === "Escape") back(event);
    };
    const copy = (event: ClipboardEvent) => {
      if (!onDrawing(document.activeElement) || !event.clipboardData || window.getSelection()?.toString()) return;
      if (latest.current.copy(event.clipboardData)) event.preventDefault();
    };
    const paste = (event: ClipboardEvent) => {
      const text = event.clipboardData?.getData("text/plain");
      if (onDrawing(document.activeElement) && text) latest.current.paste(text);
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

/** From palette, form and notes to the drawing; the text keeps its own Escape. */
function back({ target }: KeyboardEvent): void {
  if (!(target instanceof HTMLElement) || target.closest(".cm-editor") || !target.closest(".side-pane, .shelf, .note")) return;
  document.querySelector<HTMLElement>("[data-drawing]")?.focus({ preventScroll: true });
}
