/**
 * The logs of many pods at once. What may still grow is followed over a WebSocket each, of which a browser opens some
 * two hundred to a host (of plain connections six); what has ended is read once. Where a server does not follow logs
 * over WebSockets, short questions are asked again and again.
 */

import { useEffect, useRef, useState } from "react";
import { KubeError, NEVER_OPENED, frames, request } from "../api/kube";
import { POD, object } from "../api/resources";
import type { Pod } from "../api/types";
import { type Line, after, before, fresh, joined, merged, read } from "./lines";

const EVERY = 1500;
const FIRST = 1000;
const KEPT = 5000;
const AT_ONCE = 4;
const SHOWN_EVERY = 150;
/** After so long without a word a log is taken for empty. */
const SILENCE = 800;
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

export interface Tailed {
  lines: Line[];
  reading: boolean;
}

export function useTail(wanted: Source[], live: boolean): Tailed {
  const key = JSON.stringify(wanted);
  const [state, setState] = useState<Tailed>({ lines: [], reading: true });
  const tail = useRef<Tail | null>(null);
  useEffect(() => {
    const made = new Tail(setState);
    tail.current = made;
    return () => made.close();
  }, []);
  useEffect(() => tail.current?.want(JSON.parse(key) as Source[], live), [key, live]);
  return state;
}

/** What is known of the wanted logs, kept true while it is live. */
export class Tail {
  private wanted = new Map<string, Source>();
  private readonly logs = new Map<string, Line[]>();
  private readonly followed = new Map<string, AbortController>();
  private readonly queue: Source[] = [];
  private readonly control = new AbortController();
  private workers = 0;
  /** The server follows no logs over WebSockets. */
  private short = false;
  private lines: Line[] = [];
  private news: Line[] = [];
  private timer: ReturnType<typeof setTimeout> | null = null;

  constructor(private readonly publish: (state: Tailed) => void) {}

  want(all: Source[], live: boolean): void {
    this.wanted = new Map(all.map((each) => [named(each), each]));
    this.forget(live);
    for (const [name, source] of this.wanted) {
      if (this.followed.has(name)) continue;
      if (live && !source.ended) void this.follow(name, source);
      else if (!this.logs.has(name)) this.queue.push(source);
    }
    while (this.workers < Math.min(AT_ONCE, this.queue.length)) void this.work();
    if (all.length === 0) this.soon();
  }

  close(): void {
    this.control.abort();
    for (const each of this.followed.values()) each.abort();
    if (this.timer) clearTimeout(this.timer);
  }

  private forget(live: boolean): void {
    this.queue.length = 0;
    for (const [name, control] of this.followed) {
      if (live && this.wanted.has(name)) continue;
      control.abort();
      this.followed.delete(name);
    }
    const gone = [...this.logs.keys()].filter((name) => !this.wanted.has(name));
    if (gone.length === 0) return;
    for (const name of gone) this.logs.delete(name);
    this.news = [];
    this.lines = merged(this.logs.values(), KEPT);
    this.soon();
  }

  /** What has ended is read, a few at a time. */
  private async work(): Promise<void> {
    this.workers++;
    for (let next = this.queue.shift(); next && !this.control.signal.aborted; next = this.queue.shift()) await this.look(next, this.control.signal);
    this.workers--;
  }

  /** Whether the server answered. */
  private async look(source: Source, signal: AbortSignal): Promise<boolean> {
    const name = named(source);
    const known = this.logs.get(name) ?? [];
    try {
      const more = read(source.pod, await (await request(path(source, known), { signal })).text());
      this.add(name, fresh(known, more), signal);
      return true;
    } catch {
      this.add(name, [], signal); // the pod went meanwhile: what it printed stays
      return false;
    }
  }

  /** Until it has ended, or nobody wants it; a container that is started again goes on. */
  private async follow(name: string, source: Source): Promise<void> {
    const control = new AbortController();
    const { signal } = control;
    this.followed.set(name, control);
    setTimeout(() => this.add(name, [], signal), SILENCE);
    while (!signal.aborted) {
      try {
        if (this.short) await this.look(source, signal);
        else await this.hear(name, source, signal);
        if (this.wanted.get(name)?.ended) return;
      } catch (problem) {
        const refused = KubeError.of(problem).reason === NEVER_OPENED && !signal.aborted;
        // A server that is away refuses questions, too: then sockets are tried again.
        if (refused && (await this.look(source, signal))) this.short = true;
      }
      await new Promise((done) => setTimeout(done, EVERY));
    }
  }

  private async hear(name: string, source: Source, signal: AbortSignal): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    let first = true;
    for await (const frame of frames(`${path(source, this.logs.get(name) ?? [])}&follow=true`, signal)) {
      const text = rest + (typeof frame === "string" ? `${frame}\n` : decoder.decode(frame, { stream: true }));
      const end = text.lastIndexOf("\n") + 1;
      rest = text.slice(end);
      const known = this.logs.get(name) ?? [];
      const more = read(source.pod, text.slice(0, end));
      this.add(name, first ? fresh(known, more) : after(known, more), signal);
      if (more.length) first = false;
    }
    const last = this.logs.get(name) ?? [];
    this.add(name, after(last, read(source.pod, rest)), signal);
  }

  private add(name: string, more: Line[], signal: AbortSignal): void {
    if (signal.aborted) return;
    this.logs.set(name, [...(this.logs.get(name) ?? []), ...more].slice(-KEPT));
    this.news.push(...more);
    this.soon();
  }

  private soon(): void {
    this.timer ??= setTimeout(() => {
      this.timer = null;
      this.lines = joined(this.lines, this.news, KEPT);
      this.news = [];
      this.publish({ lines: this.lines, reading: this.logs.size < this.wanted.size && this.lines.length === 0 });
    }, SHOWN_EVERY);
  }
}

function named({ pod, container }: Source): string {
  return `${pod}/${container}`;
}

/** What is not known yet: the end of the log, or what follows its last line. */
function path({ namespace, pod, container }: Source, known: Line[]): string {
  const last = known.at(-1)?.at;
  const from = last ? `sinceTime=${encodeURIComponent(before(last))}` : `tailLines=${FIRST}`;
  return `${object(POD, namespace, pod, "log")}?container=${container}&timestamps=true&${from}`;
}
