/** Whether the sidebar is narrow: as the reader chose; without a choice, where a canvas needs the room. */

import { useRouterState } from "@tanstack/react-router";
import { useSyncExternalStore } from "react";

const KEY = "pinnace.sidebar";
const CANVASES = /^\/[^/]+\/composer\/./;
const readers = new Set<() => void>();
const small = window.matchMedia("(max-width: 1500px)");

export function setNarrow(narrow: boolean): void {
  localStorage.setItem(KEY, narrow ? "narrow" : "wide");
  for (const reader of readers) reader();
}

function read(reader: () => void): () => void {
  readers.add(reader);
  small.addEventListener("change", reader);
  return () => {
    readers.delete(reader);
    small.removeEventListener("change", reader);
  };
}

export function useNarrow(): boolean {
  const canvas = useRouterState({ select: (s) => CANVASES.test(s.location.pathname) });
  const chosen = useSyncExternalStore(read, () => localStorage.getItem(KEY));
  const tight = useSyncExternalStore(read, () => small.matches);
  return chosen ? chosen === "narrow" : canvas && tight;
}
