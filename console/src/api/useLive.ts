/** A list that keeps itself true: one GET, then a watch; a broken or expired watch starts over. */

import { useEffect, useState } from "react";
import { KubeError, type Listed, get, watch } from "./kube";
import type { KubeObject } from "./types";

export interface Live<T> {
  items: Map<string, T>;
  loaded: boolean;
  error: KubeError | null;
}

const FIRST_PAUSE = 300;
const LONGEST_PAUSE = 5000;
const FRAME = 80;

export function useLive<T extends KubeObject>(path: string | null): Live<T> {
  const [live, setLive] = useState<Live<T>>({ items: new Map(), loaded: false, error: null });
  useEffect(() => {
    if (path === null) return;
    const control = new AbortController();
    setLive({ items: new Map(), loaded: false, error: null });
    void keep<T>(path, control.signal, setLive);
    return () => control.abort();
  }, [path]);
  return live;
}

async function keep<T extends KubeObject>(
  path: string,
  signal: AbortSignal,
  publish: (live: Live<T>) => void,
): Promise<void> {
  let pause = FIRST_PAUSE;
  while (!signal.aborted) {
    try {
      await listThenWatch<T>(path, signal, (items) => {
        pause = FIRST_PAUSE;
        publish({ items, loaded: true, error: null });
      });
    } catch (problem) {
      if (signal.aborted) return;
      const error = problem instanceof KubeError ? problem : new KubeError(0, "Unreachable", String(problem));
      if (error.code !== 410) publish({ items: new Map(), loaded: true, error });
      if (error.code === 401 || error.code === 403 || error.code === 404) return;
    }
    await new Promise((done) => setTimeout(done, pause));
    pause = Math.min(pause * 2, LONGEST_PAUSE);
  }
}

async function listThenWatch<T extends KubeObject>(
  path: string,
  signal: AbortSignal,
  publish: (items: Map<string, T>) => void,
): Promise<void> {
  const list = await get<Listed<T>>(path, signal);
  const items = new Map(list.items.map((item) => [item.metadata.uid || item.metadata.name, item]));
  publish(new Map(items));
  let timer: ReturnType<typeof setTimeout> | null = null;
  // Thousands of events a second must not mean thousands of renders.
  const soon = () => {
    timer ??= setTimeout(() => {
      timer = null;
      if (!signal.aborted) publish(new Map(items));
    }, FRAME);
  };
  for await (const event of watch<T>(path, list.metadata.resourceVersion, signal)) {
    if (event.type === "ERROR") throw new KubeError(410, "Expired", "the watch is too old");
    if (event.type === "BOOKMARK") continue;
    const key = event.object.metadata.uid || event.object.metadata.name;
    if (event.type === "DELETED") items.delete(key);
    else items.set(key, event.object);
    soon();
  }
}
