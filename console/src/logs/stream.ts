/** A log as it grows: read by fetch, published a few times a second, bounded. */

import { useEffect, useState } from "react";
import { KubeError, lines, request } from "../api/kube";

export interface Log {
  /** The last `KEPT` lines. */
  lines: string[];
  error: KubeError | null;
  done: boolean;
}

const KEPT = 20_000;
const FRAME = 80;
const NOTHING: Log = { lines: [], error: null, done: false };

/** `path`: of a pod's log, with `follow=true`; null reads nothing. */
export function useLog(path: string | null): Log {
  const [log, setLog] = useState<Log>(NOTHING);
  useEffect(() => {
    setLog(NOTHING);
    if (path === null) return;
    const control = new AbortController();
    void pump(path, control.signal, setLog);
    return () => control.abort();
  }, [path]);
  return log;
}

async function pump(path: string, signal: AbortSignal, publish: (log: Log) => void): Promise<void> {
  const kept: string[] = [];
  let timer: ReturnType<typeof setTimeout> | null = null;
  const show = (done: boolean) => {
    if (timer) clearTimeout(timer);
    timer = null;
    if (!signal.aborted) publish({ lines: [...kept], error: null, done });
  };
  try {
    for await (const line of lines(await request(path, { signal }))) {
      kept.push(line);
      if (kept.length > KEPT) kept.splice(0, kept.length - KEPT);
      timer ??= setTimeout(() => show(false), FRAME);
    }
    show(true);
  } catch (problem) {
    if (timer) clearTimeout(timer);
    if (!signal.aborted) publish({ lines: kept, error: KubeError.of(problem), done: true });
  }
}
