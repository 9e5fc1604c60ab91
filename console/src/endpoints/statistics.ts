/** The gateway's counters over time: totals become rates between one look and the next. Pure but for the clock. */

export interface Counters {
  name: string;
  component: string;
  weight: number;
  tags: string[];
  ready: boolean;
  requests: number;
  errors: number;
  rejected: number;
  active: number;
  held: number;
  p50: number | null;
  p95: number | null;
  p99: number | null;
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

export interface Sample {
  /** Milliseconds since 1970. */
  at: number;
  revisions: Map<string, Counters>;
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

/** With the new sample, without what is too old to be shown. */
export function kept(before: Sample[], next: Sample): Sample[] {
  if (before.at(-1)?.at === next.at) return before;
  return [...before.filter((s) => next.at - s.at <= KEPT), next];
}

/** Of one revision, between each two samples that follow each other. */
export function rates(samples: Sample[], revision: string): Rate[] {
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
export function recent(samples: Sample[], revision: string, seconds = 10): Rate | null {
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
