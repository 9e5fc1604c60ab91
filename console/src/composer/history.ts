/** Every text that the document ever was here, with what was done: one entry a gesture, without a limit. */

export interface Entry {
  text: string;
  /** What led to this text, in words: "Add split". */
  label: string;
  /** Milliseconds. */
  at: number;
}

export interface History {
  entries: readonly Entry[];
  now: number;
}

export const TYPING = "Typing";
export const NUDGING = "Move a little";
const GOES_ON: readonly string[] = [TYPING, NUDGING];
/** Typing, or moving by keys, goes on as one gesture until the hands rest this long. */
const REST = 900;

export function begun(text: string): History {
  return { entries: [{ text, label: "", at: 0 }], now: 0 };
}

export function current({ entries, now }: History): Entry {
  return entries[now] ?? { text: "", label: "", at: 0 };
}

export function recorded(history: History, text: string, label: string, at: number): History {
  const last = current(history);
  if (text === last.text) return history;
  const goesOn = GOES_ON.includes(label) && last.label === label && at - last.at < REST && history.now > 0;
  const kept = history.entries.slice(0, goesOn ? history.now : history.now + 1);
  return { entries: [...kept, { text, label, at }], now: kept.length };
}

export function undone(history: History): History {
  return history.now > 0 ? { ...history, now: history.now - 1 } : history;
}

export function redone(history: History): History {
  return history.now < history.entries.length - 1 ? { ...history, now: history.now + 1 } : history;
}
