/**
 * The logs of many pods at once. Each is read in short questions, again and again from where it ended: a browser
 * opens six connections to a host, so that as many followed logs would leave none for anything else.
 */

import { useEffect, useMemo, useState } from "react";
import { request } from "../api/kube";
import { POD, object } from "../api/resources";
import type { Pod } from "../api/types";
import { type Line, before, fresh, merged, read } from "./lines";

const EVERY = 1500;
const FIRST = 1000;
const KEPT = 5000;
const AT_ONCE = 4;
const ENDED = new Set(["Succeeded", "Failed"]);

export interface Source {
  namespace: string;
  pod: string;
  container: string;
  /** It will print no more: one reading is enough. */
  ended: boolean;
}

export function sources(pods: Pod[]): Source[] {
  return pods.flatMap((pod) =>
    begun(pod).map((container) => ({
      namespace: pod.metadata.namespace ?? "",
      pod: pod.metadata.name,
      container,
      ended: ENDED.has(pod.status?.phase ?? ""),
    })),
  );
}

/** Containers that have a log by now. */
function begun(pod: Pod): string[] {
  const found = pod.status?.containerStatuses ?? [];
  return found.filter((each) => each.state?.running || each.state?.terminated).map((each) => each.name);
}

export function useTail(wanted: Source[], live: boolean): { lines: Line[]; reading: boolean } {
  const key = JSON.stringify(wanted);
  const [state, setState] = useState<{ lines: Line[]; reading: boolean }>({ lines: [], reading: true });
  const logs = useMemo(() => new Map<string, Line[]>(), []);
  useEffect(() => {
    const control = new AbortController();
    const all = JSON.parse(key) as Source[];
    const asked = new Set(all.map(named));
    for (const known of [...logs.keys()]) if (!asked.has(known)) logs.delete(known);
    void keep(all, logs, live, control.signal, () => setState({ lines: merged(logs.values(), KEPT), reading: false }));
    return () => control.abort();
  }, [key, live, logs]);
  return state;
}

function named({ pod, container }: Source): string {
  return `${pod}/${container}`;
}

async function keep(all: Source[], logs: Map<string, Line[]>, live: boolean, signal: AbortSignal, show: () => void): Promise<void> {
  let left = all;
  while (!signal.aborted) {
    const grew = await round(left, logs, signal);
    if (signal.aborted) return;
    if (grew || left === all) show();
    left = all.filter((each) => !each.ended || !logs.has(named(each)));
    if (!live || left.length === 0) return;
    await new Promise((done) => setTimeout(done, EVERY));
  }
}

/** Asks all of them once, a few at a time. Whether any had something new. */
async function round(all: Source[], logs: Map<string, Line[]>, signal: AbortSignal): Promise<boolean> {
  const queue = [...all];
  let grew = false;
  const worker = async () => {
    for (let next = queue.shift(); next && !signal.aborted; next = queue.shift()) grew = (await look(next, logs, signal)) || grew;
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return grew;
}

async function look(source: Source, logs: Map<string, Line[]>, signal: AbortSignal): Promise<boolean> {
  const known = logs.get(named(source)) ?? [];
  const last = known.at(-1)?.at;
  const since = last ? `&sinceTime=${encodeURIComponent(before(last))}` : `&tailLines=${FIRST}`;
  const path = `${object(POD, source.namespace, source.pod, "log")}?container=${source.container}&timestamps=true${since}`;
  try {
    const more = fresh(known, read(source.pod, await (await request(path, { signal })).text()));
    logs.set(named(source), [...known, ...more].slice(-KEPT));
    return more.length > 0;
  } catch {
    logs.set(named(source), known); // the pod went meanwhile: what it printed stays
    return false;
  }
}
