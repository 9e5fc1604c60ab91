/** When a schedule is due next. Argo's own spellings; croner does the calendar. */

import { Cron } from "croner";

const NAMED: Record<string, string> = {
  "@yearly": "0 0 1 1 *",
  "@annually": "0 0 1 1 *",
  "@monthly": "0 0 1 * *",
  "@weekly": "0 0 * * 0",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@hourly": "0 * * * *",
};
const UNITS: Record<string, number> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };

/** The next times of all of them together, soonest first. Throws with croner's words about what it cannot read. */
export function next(schedules: string[], timezone: string | undefined, count: number, now: Date): Date[] {
  const all = schedules.flatMap((schedule) => one(schedule, timezone, count, now));
  return all.sort((a, b) => a.getTime() - b.getTime()).slice(0, count);
}

function one(schedule: string, zone: string | undefined, count: number, now: Date): Date[] {
  const [, own, rest = ""] = /^(?:CRON_TZ|TZ)=(\S+)\s+(.*)$/.exec(schedule.trim()) ?? [undefined, zone, schedule.trim()];
  const every = /^@every\s+(.+)$/.exec(rest)?.[1];
  if (every) return times(duration(every), count, now);
  const pattern = NAMED[rest] ?? rest;
  if (pattern.split(/\s+/).length !== 5) throw new Error(`expected five fields, not ${pattern.split(/\s+/).length}: ${rest}`);
  return new Cron(pattern, own ? { timezone: own } : {}).nextRuns(count, now);
}

/** Go's durations: `1h30m`, `90s`. */
function duration(text: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|h|m|s)/g)];
  const total = parts.reduce((sum, [, n, unit]) => sum + Number(n) * (UNITS[unit ?? ""] ?? 0), 0);
  if (total < 1000 || parts.map(([all]) => all).join("") !== text) throw new Error(`expected a duration such as 90s or 1h30m: ${text}`);
  return total;
}

function times(every: number, count: number, now: Date): Date[] {
  return Array.from({ length: count }, (_, i) => new Date(now.getTime() + every * (i + 1)));
}

export function schedulesOf(spec: { schedules?: string[]; schedule?: string }): string[] {
  return spec.schedules ?? (spec.schedule ? [spec.schedule] : []);
}
