/** Light, dark, or as the system has it. The choice is this browser's. */

import { useSyncExternalStore } from "react";

export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

const KEY = "pinnace.theme";
const readers = new Set<() => void>();

function chosen(): Theme {
  const kept = localStorage.getItem(KEY);
  return THEMES.find((theme) => theme === kept) ?? "system";
}

function show(theme: Theme): void {
  document.documentElement.style.colorScheme = theme === "system" ? "light dark" : theme;
}

export function choose(theme: Theme): void {
  localStorage.setItem(KEY, theme);
  show(theme);
  for (const reader of readers) reader();
}

show(chosen());

const system = window.matchMedia("(prefers-color-scheme: dark)");

function read(reader: () => void): () => void {
  readers.add(reader);
  system.addEventListener("change", reader);
  return () => {
    readers.delete(reader);
    system.removeEventListener("change", reader);
  };
}

export function useTheme(): Theme {
  return useSyncExternalStore(read, chosen);
}

/** What is seen: for canvases and charts, which cannot read `light-dark()`. */
export function useDark(): boolean {
  return useSyncExternalStore(read, () => (chosen() === "system" ? system.matches : chosen() === "dark"));
}
