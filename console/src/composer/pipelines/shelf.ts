/** Components of pipelines that this browser keeps: loaded from files and texts, or taken of stored pipelines. */

import { useSyncExternalStore } from "react";
import { create } from "../../api/kube";
import { type Told, shelved } from "../document/pipeline/palette";
import type { Component } from "../model";

const KEY = "pinnace.composer.components";
const GROUP = "Your components";

interface Kept {
  /** Where they come from, in words: the same source again takes the place of the old. */
  source: string;
  components: Told[];
}

function all(): Kept[] {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "[]") as Kept[];
  } catch {
    return [];
  }
}

const listeners = new Set<() => void>();
let shown: readonly Component[] | null = null;

function write(kept: readonly Kept[]): void {
  localStorage.setItem(KEY, JSON.stringify(kept));
  shown = null;
  for (const each of listeners) each();
}

function listen(listener: () => void): () => void {
  listeners.add(listener);
  const elsewhere = (event: StorageEvent) => {
    if (event.key !== KEY) return;
    shown = null;
    listener();
  };
  window.addEventListener("storage", elsewhere);
  return () => {
    listeners.delete(listener);
    window.removeEventListener("storage", elsewhere);
  };
}

function components(): readonly Component[] {
  shown ??= all().flatMap(({ source, components }) => components.map((each, i) => shelved(each, GROUP, `shelf/${source}/${i} ${each.name}`)));
  return shown;
}

/** The shelf of this browser, in all its windows. */
export function usePipelineShelf(): readonly Component[] {
  return useSyncExternalStore(listen, components);
}

/** Reads components of a text: component YAML, Python with `@dsl.component`, or a pipeline's IR. Returns their names. */
export async function load(text: string, source: string): Promise<string[]> {
  const found = await create<{ components: Told[] }>("/pinnace/v1/authoring/components", { text });
  if (found.components.length === 0) throw new Error("There is no component in this text: component YAML, Python with @dsl.component, or a pipeline's IR");
  const name = source || found.components.map((each) => each.name).join(", ");
  const anew = new Set(found.components.map((each) => each.name));
  const kept = all().flatMap((each) => {
    const left = each.components.filter((one) => !anew.has(one.name));
    return each.source === name || left.length === 0 ? [] : [{ ...each, components: left }];
  });
  write([...kept, { source: name, components: found.components }]);
  return [...anew];
}

/** Takes a component off the shelf. */
export function forget(key: string): void {
  const kept = all().map(({ source, components }) => ({ source, components: components.filter((each, i) => `shelf/${source}/${i} ${each.name}` !== key) }));
  write(kept.filter((each) => each.components.length > 0));
}

export function onShelf(key: string): boolean {
  return key.startsWith("shelf/");
}
