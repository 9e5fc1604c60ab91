/** What is not saved yet, kept in this browser: it survives a reload and a closed tab. */

import type { Base } from "./saving";

const PREFIX = "pinnace.composer.draft/";
const MOST = 40;

export interface Draft {
  id: string;
  namespace: string;
  kind: string;
  name: string;
  text: string;
  /** Milliseconds. */
  at: number;
  base: Base | null;
}

export function draftOf(namespace: string, kind: string, name: string): string {
  return `${kind}/${namespace}/${name}`;
}

export function fresh(): string {
  return `new-${crypto.randomUUID().slice(0, 8)}`;
}

export function load(id: string): Draft | undefined {
  try {
    const text = localStorage.getItem(PREFIX + id);
    return text ? (JSON.parse(text) as Draft) : undefined;
  } catch {
    return undefined;
  }
}

export function keep(draft: Draft): void {
  localStorage.setItem(PREFIX + draft.id, JSON.stringify(draft));
  for (const old of all().slice(MOST)) discard(old.id);
}

export function discard(id: string): void {
  localStorage.removeItem(PREFIX + id);
}

/** Tells what other windows of this browser write; returns how to stop. */
export function watched(id: string, tell: (draft: Draft) => void): () => void {
  const heard = ({ key }: StorageEvent) => {
    const now = key === PREFIX + id ? load(id) : undefined;
    if (now) tell(now);
  };
  window.addEventListener("storage", heard);
  return () => window.removeEventListener("storage", heard);
}

/** Newest first. */
export function all(): Draft[] {
  const ids = Object.keys(localStorage).filter((key) => key.startsWith(PREFIX)).map((key) => key.slice(PREFIX.length));
  return ids.flatMap((id) => load(id) ?? []).sort((a, b) => b.at - a.at);
}
