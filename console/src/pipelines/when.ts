/** When a recurring run begins: the trigger of a form, its words, and its next times. Pure. */

import { Cron } from "croner";
import type { Recurring, Trigger } from "./kfp";
import { time } from "./spec";

export interface When {
  kind: "every" | "cron";
  /** How many units lie between two runs. */
  every: string;
  unit: Unit;
  cron: string;
  /** As `datetime-local` fields have them; empty: no bound. */
  start: string;
  end: string;
}

export const UNITS = { minutes: 60, hours: 3600, days: 86_400, weeks: 604_800 } as const;
export type Unit = keyof typeof UNITS;

export const DAILY: When = { kind: "every", every: "1", unit: "days", cron: "0 0 6 * * *", start: "", end: "" };

export function trigger({ kind, every, unit, cron, start, end }: When): Trigger {
  const bounds = { ...(start ? { start_time: new Date(start).toISOString() } : {}), ...(end ? { end_time: new Date(end).toISOString() } : {}) };
  if (kind === "cron") return { cron_schedule: { ...bounds, cron: cron.trim() } };
  return { periodic_schedule: { ...bounds, interval_second: String(Number(every) * UNITS[unit]) } };
}

/** What is wrong with it, by field. */
export function faults(when: When): Partial<Record<"every" | "cron" | "end", string>> {
  const found: Partial<Record<"every" | "cron" | "end", string>> = {};
  if (when.kind === "every" && !(Number(when.every) > 0)) found.every = "expected a number above 0";
  const wrong = when.kind === "cron" ? unread(when.cron) : "";
  if (wrong) found.cron = wrong;
  if (when.start && when.end && when.start >= when.end) found.end = "it ends before it begins";
  return found;
}

function unread(cron: string): string {
  try {
    schedule(cron);
    return "";
  } catch (problem) {
    return problem instanceof Error ? problem.message : String(problem);
  }
}

/** Seconds come first; five fields begin with minutes. Pipelines reckons in UTC. */
function schedule(cron: string): Cron {
  const fields = cron.trim().split(/\s+/);
  if (!cron.trim().startsWith("@") && fields.length !== 6 && fields.length !== 5) throw new Error(`expected six fields, seconds first, not ${fields.length}`);
  return new Cron(cron.trim(), { timezone: "UTC" });
}

export function ofTrigger(given: Trigger | undefined): When {
  const { cron_schedule: cron, periodic_schedule: periodic } = given ?? {};
  const bounds = { start: local((cron ?? periodic)?.start_time), end: local((cron ?? periodic)?.end_time) };
  if (cron) return { ...DAILY, ...bounds, kind: "cron", cron: cron.cron ?? "" };
  const seconds = Number(periodic?.interval_second ?? UNITS.days);
  const unit = (Object.keys(UNITS) as Unit[]).toReversed().find((each) => seconds % UNITS[each] === 0) ?? "minutes";
  return { ...DAILY, ...bounds, every: String(seconds / UNITS[unit]), unit };
}

function local(text: string | undefined): string {
  const at = time(text);
  if (!at || at.startsWith("1970-01-01")) return "";
  const date = new Date(at);
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

/** The next times, within the bounds; empty: never again, or it cannot be read. */
export function next(given: Trigger, count: number, now: Date): Date[] {
  const { cron_schedule: cron, periodic_schedule: periodic } = given;
  const [start, end] = [bound((cron ?? periodic)?.start_time), bound((cron ?? periodic)?.end_time)];
  const from = Math.max(now.getTime(), start ?? 0);
  const found = cron ? byCron(cron.cron ?? "", count, new Date(from)) : byStep(Number(periodic?.interval_second), count, from, start ?? 0);
  return found.filter((at) => end === undefined || at.getTime() <= end);
}

function bound(text: string | undefined): number | undefined {
  const at = time(text);
  return at && !at.startsWith("1970-01-01") ? Date.parse(at) : undefined;
}

function byCron(cron: string, count: number, from: Date): Date[] {
  try {
    return schedule(cron).nextRuns(count, from);
  } catch {
    return [];
  }
}

/** Steps are counted from the start, as the server does. */
function byStep(seconds: number, count: number, from: number, start: number): Date[] {
  if (!(seconds > 0)) return [];
  const step = seconds * 1000;
  const first = start + (Math.floor((from - start) / step) + 1) * step;
  return Array.from({ length: count }, (_, i) => new Date(first + i * step));
}

/** `every 2 hours`, or the cron as it stands. */
export function told({ trigger: given }: Pick<Recurring, "trigger">): string {
  if (!given) return "–";
  const when = ofTrigger(given);
  if (when.kind === "cron") return when.cron;
  return when.every === "1" ? `every ${when.unit.slice(0, -1)}` : `every ${when.every} ${when.unit}`;
}
