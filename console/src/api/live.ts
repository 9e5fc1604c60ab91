/**
 * Lists that keep themselves true: one GET, then a watch; a broken or expired watch starts over.
 *
 * Whoever asks for the same path shares one feed, and a feed outlives its last reader a little, so that going back
 * to a page shows it at once. While the server is away a feed keeps what it knows and says that it is stale.
 */

import { useCallback, useMemo, useRef, useSyncExternalStore } from "react";
import { reached, unreached } from "./connection";
import { KubeError, type Listed, get, watch } from "./kube";
import type { KubeObject } from "./types";

export interface Live<T> {
  /** By uid. */
  items: Map<string, T>;
  loaded: boolean;
  /** Why nothing can be shown: a refusal, never a lost connection after the first answer. */
  error: KubeError | null;
  /** The watch is broken; what is shown may be old. */
  stale: boolean;
}

const FIRST_PAUSE = 300;
const LONGEST_PAUSE = 3000;
const FRAME = 60;
/** Events of one commit come within this. */
const TOGETHER = 8;
/** Who may list and not watch is told anew so often. */
const UNWATCHED_PAUSE = 10_000;
const LINGER = 15_000;
const NOTHING: Live<KubeObject> = { items: new Map(), loaded: false, error: null, stale: false };
const FINAL = new Set([401, 403, 404]);

class Feed<T extends KubeObject> {
  state: Live<T> = NOTHING as unknown as Live<T>;
  private readonly readers = new Set<() => void>();
  private control: AbortController | null = null;
  private rest: ReturnType<typeof setTimeout> | null = null;

  constructor(
    private readonly path: string,
    private readonly forget: () => void,
  ) {}

  read(reader: () => void): () => void {
    this.readers.add(reader);
    if (this.rest) clearTimeout(this.rest);
    this.rest = null;
    if (!this.control) {
      this.control = new AbortController();
      void this.keep(this.control.signal);
    }
    return () => {
      this.readers.delete(reader);
      if (this.readers.size === 0) this.rest = setTimeout(() => this.end(), LINGER);
    };
  }

  private end(): void {
    this.control?.abort();
    reached(this.path);
    this.forget();
  }

  private publish(state: Live<T>): void {
    this.state = state;
    for (const reader of this.readers) reader();
  }

  private async keep(signal: AbortSignal): Promise<void> {
    let pause = FIRST_PAUSE;
    while (!signal.aborted) {
      try {
        const watched = await this.listThenWatch(signal, () => {
          pause = FIRST_PAUSE;
        });
        if (!watched) pause = UNWATCHED_PAUSE;
      } catch (problem) {
        if (signal.aborted) return;
        const error = KubeError.of(problem);
        if (FINAL.has(error.code)) {
          this.publish({ items: new Map(), loaded: true, error, stale: false });
          this.forget();
          return;
        }
        if (error.code !== 410) this.broken(error);
      }
      await new Promise((done) => setTimeout(done, pause));
      pause = Math.min(pause * 2, LONGEST_PAUSE);
    }
  }

  private broken(error: KubeError): void {
    unreached(this.path);
    const { loaded, items } = this.state;
    this.publish(loaded && !this.state.error ? { ...this.state, stale: true } : { items, loaded: true, error, stale: true });
  }

  /** False: the server lets this reader list, and not watch. */
  private async listThenWatch(signal: AbortSignal, answered: () => void): Promise<boolean> {
    const list = await get<Listed<T>>(this.path, signal);
    const items = new Map(list.items.map((item) => [identity(item), item]));
    answered();
    reached(this.path);
    const show = () => this.publish({ items: new Map(items), loaded: true, error: null, stale: false });
    show();
    let waiting = false;
    let last = 0;
    // Thousands of events a second must not mean thousands of renders; one after a silence is shown at once.
    const soon = () => {
      if (waiting) return;
      waiting = true;
      const pause = Math.max(TOGETHER, last + FRAME - performance.now());
      setTimeout(() => {
        waiting = false;
        last = performance.now();
        if (!signal.aborted) show();
      }, pause);
    };
    for await (const event of watch<T>(this.path, list.metadata.resourceVersion, signal)) {
      if (event.type === "ERROR") {
        const refusal = refused(event.object);
        if (FINAL.has(refusal.code)) return false;
        throw refusal;
      }
      if (event.type === "BOOKMARK") continue;
      if (event.type === "DELETED") items.delete(identity(event.object));
      else items.set(identity(event.object), event.object);
      soon();
    }
    return true;
  }
}

/** What a watch says before it ends: a Status. */
function refused(status: unknown): KubeError {
  const { code = 410, reason = "Expired", message = "the watch is too old" } = status as { code?: number; reason?: string; message?: string };
  return new KubeError(code, reason, message);
}

function identity(item: KubeObject): string {
  return item.metadata.uid || item.metadata.name;
}

const feeds = new Map<string, Feed<KubeObject>>();

function feed(path: string): Feed<KubeObject> {
  const found = feeds.get(path);
  if (found) return found;
  const made: Feed<KubeObject> = new Feed(path, () => {
    if (feeds.get(path) === made) feeds.delete(path);
  });
  feeds.set(path, made);
  return made;
}

/** Asks already: for pages whose code is still on its way. */
export function warm(paths: readonly string[]): void {
  for (const path of paths) feed(path).read(() => {})();
}

/** What is at `path` (a collection), kept true while somebody looks; null asks nothing. */
export function useLive<T extends KubeObject>(path: string | null): Live<T> {
  // Kept over renders: a feed that was refused is forgotten, and asking for it anew must be somebody's decision.
  const source = useMemo(() => (path === null ? null : feed(path)), [path]);
  const read = useCallback((reader: () => void) => source?.read(reader) ?? (() => {}), [source]);
  return useSyncExternalStore(read, () => source?.state ?? NOTHING) as unknown as Live<T>;
}

/** Several collections at once. The list of paths must be the same object while it says the same. */
export function useLives<T extends KubeObject>(paths: readonly string[]): readonly Live<T>[] {
  const sources = useMemo(() => paths.map(feed), [paths]);
  const last = useRef<readonly Live<KubeObject>[]>([]);
  const read = useCallback(
    (reader: () => void) => {
      const ends = sources.map((source) => source.read(reader));
      return () => {
        for (const end of ends) end();
      };
    },
    [sources],
  );
  const states = useCallback(() => {
    const now = sources.map((source) => source.state);
    const same = now.length === last.current.length && now.every((state, i) => state === last.current[i]);
    if (!same) last.current = now;
    return last.current;
  }, [sources]);
  return useSyncExternalStore(read, states) as readonly unknown[] as readonly Live<T>[];
}
