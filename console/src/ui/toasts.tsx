/** Short words about something that was done, or was refused, where no better place is. */

import { Toast } from "radix-ui";
import { useSyncExternalStore } from "react";
import { KubeError } from "../api/kube";

interface Note {
  id: number;
  text: string;
  bad: boolean;
}

let notes: readonly Note[] = [];
let last = 0;
const readers = new Set<() => void>();

function set(next: readonly Note[]): void {
  notes = next;
  for (const reader of readers) reader();
}

export function notify(text: string): void {
  set([...notes, { id: ++last, text, bad: false }]);
}

export function complain(problem: unknown): void {
  set([...notes, { id: ++last, text: KubeError.of(problem).message, bad: true }]);
}

/** Do it; say `done` when it is done, or why it was refused. True: it was done. */
export async function attempt(work: Promise<unknown>, done = ""): Promise<boolean> {
  try {
    await work;
    if (done) notify(done);
    return true;
  } catch (problem) {
    complain(problem);
    return false;
  }
}

export function Toasts() {
  const shown = useSyncExternalStore(
    (reader) => {
      readers.add(reader);
      return () => readers.delete(reader);
    },
    () => notes,
  );
  return (
    <Toast.Provider swipeDirection="right">
      {shown.map(({ id, text, bad }) => (
        <Toast.Root
          key={id}
          className={bad ? "toast toast-bad" : "toast"}
          duration={bad ? 12_000 : 4000}
          onOpenChange={(open) => open || set(notes.filter((n) => n.id !== id))}
        >
          <Toast.Description>{text}</Toast.Description>
          <Toast.Close aria-label="Dismiss" className="icon-button">
            ×
          </Toast.Close>
        </Toast.Root>
      ))}
      <Toast.Viewport className="toasts" />
    </Toast.Provider>
  );
}
