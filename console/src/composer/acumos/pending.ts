/** The composition that is being imported: one at a time, wherever its file was opened. */

import { useSyncExternalStore } from "react";

export interface Pending {
  text: string;
  namespace: string;
}

let pending: Pending | null = null;
const readers = new Set<() => void>();

export function ask(next: Pending | null): void {
  pending = next;
  for (const reader of readers) reader();
}

export function usePending(): Pending | null {
  return useSyncExternalStore(
    (reader) => {
      readers.add(reader);
      return () => readers.delete(reader);
    },
    () => pending,
  );
}
