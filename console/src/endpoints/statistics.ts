/** The gateway's counters over time: totals become rates between one look and the next. Pure but for the clock. */

/** Sums since the beginning; times in milliseconds. */
export interface Tally {
  requests: number;
  errors: number;
  rejected: number;
  p50: number | null;
  p95: number | null;
  p99: number | null;
}

export interface Counters extends Tally {
  name: string;
  component: string;
  weight: number;
  tags: string[];
  ready: boolean;
  active: number;
  held: number;
}

/** One step of a graph's router, whoever answers it. */
export interface StepCounters extends Tally {
  node: string;
  index: number;
  /** What went wrong last, and when, in seconds since 1970. */
  failure: string;
  failedAt: number | null;
}

export interface CountedGraph {
  namespace: string;
  name: string;
  url: string;
  ready: boolean;
  message: string;
  whole: Tally;
  steps: StepCounters[];
}

export interface Counted {
  namespace: string;
  name: string;
  url: string;
  ready: boolean;
  message: string;
  mode: string;
  revisions: Counters[];
}

export interface Sample<T extends Tally = Counters> {
  /** Milliseconds since 1970. */
  at: number;
  /** By revision; of a graph by step (`stepKey`), and as a whole under `WHOLE`. */
  revisions: Map<string, T>;
}

export const WHOLE = "";

export function stepKey(node: string, index: number): string {
  return `${node} ${index}`;
}

export interface Rate {
  at: number;
  /** A second. */
  requests: number;
  errors: number;
  p95: number | null;
}

const KEPT = 10 * 60_000;
/** A page that was asleep knows nothing of the time between. */
const GAP = 15_000;

export function sample(counted: Counted, at: number): Sample {
  return { at, revisions: new Map(counted.revisions.map((r) => [r.name, r])) };
}

export function graphSample({ whole, steps }: CountedGraph, at: number): Sample<Tally> {
  return { at, revisions: new Map([[WHOLE, whole], ...steps.map((s): [string, Tally] => [stepKey(s.node, s.index), s])]) };
}

/** With the new sample, without what is too old to be shown. */
export function kept<T extends Tally>(before: Sample<T>[], next: Sample<T>): Sample<T>[] {
  if (before.at(-1)?.at === next.at) return before;
  return [...before.filter((s) => next.at - s.at <= KEPT), next];
}

/** Of one revision, between each two samples that follow each other. */
export function rates(samples: readonly Sample<Tally>[], revision: string): Rate[] {
  return samples.slice(1).flatMap((now, i) => {
    const before = samples[i];
    const [old, young] = [before?.revisions.get(revision), now.revisions.get(revision)];
    if (!before || !young || now.at - before.at > GAP) return [];
    const seconds = (now.at - before.at) / 1000;
    const since = (field: "requests" | "errors") => Math.max(0, young[field] - (old?.[field] ?? 0)) / seconds;
    return [{ at: now.at, requests: since("requests"), errors: since("errors"), p95: young.p95 }];
  });
}

/** Over the last seconds; null before there are two samples. */
export function recent(samples: readonly Sample<Tally>[], revision: string, seconds = 10): Rate | null {
  const all = rates(samples, revision);
  const last = all.at(-1);
  if (!last) return null;
  const near = all.filter((r) => last.at - r.at < seconds * 1000);
  const mean = (field: "requests" | "errors") => near.reduce((sum, r) => sum + r[field], 0) / near.length;
  return { at: last.at, requests: mean("requests"), errors: mean("errors"), p95: last.p95 };
}

export function milliseconds(value: number | null | undefined): string {
  return value === null || value === undefined ? "–" : `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
}

export function perSecond(value: number | undefined): string {
  return value === undefined ? "–" : value > 0 && value < 10 ? value.toFixed(1) : Math.round(value).toLocaleString();
}
