/** Whether the server answers: told by the feeds, shown once, in the frame. */

import { useSyncExternalStore } from "react";

const broken = new Set<string>();
const readers = new Set<() => void>();

function tell(): void {
  for (const reader of readers) reader();
}

export function unreached(path: string): void {
  broken.add(path);
  tell();
}

/** One feed that came back means that the server is back: the others follow within their pauses. */
export function reached(path: string): void {
  if (broken.size === 0) return;
  broken.delete(path);
  tell();
}

function read(reader: () => void): () => void {
  readers.add(reader);
  return () => readers.delete(reader);
}

export function useConnected(): boolean {
  return useSyncExternalStore(read, () => broken.size === 0);
}
