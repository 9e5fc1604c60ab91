/** What trials found, as tables and charts want it. Pure. */

import type { Condition } from "../api/types";
import type { Experiment, Objective, ParameterSpec, Trial } from "./kinds";

const ORDER = ["Failed", "Killed", "EarlyStopped", "MetricsUnavailable", "Succeeded", "Restarting", "Running", "Created"];

export function standing(conditions: Condition[] | undefined): Condition | undefined {
  const held = (conditions ?? []).filter((c) => c.status === "True");
  return ORDER.map((type) => held.find((c) => c.type === type)).find(Boolean) ?? held.at(-1);
}

export function state(item: Experiment | Trial): string {
  return standing(item.status?.conditions)?.type ?? "Pending";
}

const OVER = new Set(["Failed", "Killed", "EarlyStopped", "MetricsUnavailable", "Succeeded"]);

export function ended(item: Experiment | Trial): boolean {
  return OVER.has(state(item));
}

/** One trial as a row: values by name, numbers where they are. */
export interface Row {
  trial: Trial;
  name: string;
  state: string;
  parameters: Map<string, string>;
  metrics: Map<string, number>;
  objective: number | null;
}

/** Oldest first: the order in which they were tried. */
export function rows(trials: Trial[], objective: Objective | undefined): Row[] {
  const sorted = trials.toSorted((a, b) => begun(a).localeCompare(begun(b)) || a.metadata.name.localeCompare(b.metadata.name));
  return sorted.map((trial) => {
    const metrics = measured(trial, objective);
    return {
      trial,
      name: trial.metadata.name,
      state: state(trial),
      parameters: new Map((trial.spec.parameterAssignments ?? []).map((a) => [a.name, a.value])),
      metrics,
      objective: metrics.get(objective?.objectiveMetricName ?? "") ?? null,
    };
  });
}

function begun(trial: Trial): string {
  return trial.status?.startTime ?? trial.metadata.creationTimestamp;
}

/** Katib keeps the least, greatest and last; the experiment's strategy says which of them counts. */
function measured(trial: Trial, objective: Objective | undefined): Map<string, number> {
  const found = new Map<string, number>();
  for (const one of trial.status?.observation?.metrics ?? []) {
    const strategy = objective?.metricStrategies?.find((s) => s.name === one.name)?.value ?? "latest";
    const value = Number(one[strategy] ?? one.latest);
    if (Number.isFinite(value)) found.set(one.name, value);
  }
  return found;
}

export function better(objective: Objective | undefined, a: number, b: number): boolean {
  return objective?.type === "minimize" ? a < b : a > b;
}

/** The best so far after each trial, for the line above the points. */
export function records(found: Row[], objective: Objective | undefined): (number | null)[] {
  let best: number | null = null;
  return found.map((row) => {
    if (row.objective !== null && (best === null || better(objective, row.objective, best))) best = row.objective;
    return best;
  });
}

export function numeric({ parameterType }: ParameterSpec): boolean {
  return parameterType === "double" || parameterType === "int";
}

/** A search over orders of magnitude is read on an axis of these. */
export function logarithmic({ feasibleSpace: { distribution = "", min = "0" } }: ParameterSpec): boolean {
  return distribution.startsWith("log") && Number(min) > 0;
}

export interface Weight {
  name: string;
  /** 0: the objective does not follow it; 1: it decides alone. */
  share: number;
}

const LEAST = 5;

/** How far the objective follows each parameter alone: by ranks, or by groups where values have no order. */
export function importance(found: Row[], parameters: ParameterSpec[]): Weight[] {
  const done = found.filter((row) => row.objective !== null);
  if (done.length < LEAST) return [];
  const goals = done.map((row) => row.objective ?? 0);
  const weights = parameters.map((parameter) => {
    const values = done.map((row) => row.parameters.get(parameter.name) ?? "");
    const share = numeric(parameter) ? Math.abs(correlation(ranks(values.map(Number)), ranks(goals))) : between(values, goals);
    return { name: parameter.name, share };
  });
  return weights.sort((a, b) => b.share - a.share);
}

/** Equal values share their mean rank. */
function ranks(values: number[]): number[] {
  return values.map((v) => values.filter((x) => x < v).length + (values.filter((x) => x === v).length - 1) / 2);
}

function mean(values: number[]): number {
  return values.reduce((sum, v) => sum + v, 0) / Math.max(1, values.length);
}

function correlation(a: number[], b: number[]): number {
  const [ma, mb] = [mean(a), mean(b)];
  const along = a.map((x, i) => (x - ma) * ((b[i] ?? mb) - mb)).reduce((sum, v) => sum + v, 0);
  const spread = Math.sqrt(a.reduce((s, x) => s + (x - ma) ** 2, 0) * b.reduce((s, x) => s + (x - mb) ** 2, 0));
  return spread === 0 ? 0 : along / spread;
}

/** The part of the variance that lies between groups. */
function between(groups: string[], goals: number[]): number {
  const middle = mean(goals);
  const all = goals.reduce((s, g) => s + (g - middle) ** 2, 0);
  if (all === 0) return 0;
  const parts = [...new Set(groups)].map((group) => goals.filter((_, i) => groups[i] === group));
  return Math.sqrt(parts.reduce((s, part) => s + part.length * (mean(part) - middle) ** 2, 0) / all);
}

/** As few digits as tell values apart. */
export function short(value: number | string): string {
  const number = Number(value);
  if (value === "" || !Number.isFinite(number)) return String(value);
  return Number.isInteger(number) ? String(number) : String(Number(number.toPrecision(4)));
}
