/** From a pipeline's IR to a form, from runs and artifacts to what is shown. Pure. */

import { parse } from "yaml";
import type { Artifact, Run, Task, Version } from "./kfp";

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

export interface Input {
  parameterType?: string;
  defaultValue?: Json;
  isOptional?: boolean;
  description?: string;
  literals?: Json[];
}

export interface PipelineSpec {
  pipelineInfo?: { name?: string; description?: string };
  root?: { inputDefinitions?: { parameters?: Record<string, Input> } };
  components?: Record<string, unknown>;
  [more: string]: unknown;
}

/** A version that has a platform's part beside the pipeline wraps both. */
export function specOf(version: Version | undefined): PipelineSpec | undefined {
  return version?.pipeline_spec?.pipeline_spec ?? version?.pipeline_spec;
}

export function inputs(spec: PipelineSpec | undefined): [name: string, input: Input][] {
  return Object.entries(spec?.root?.inputDefinitions?.parameters ?? {});
}

export function shown(value: Json | undefined): string {
  return value === undefined ? "" : typeof value === "string" ? value : JSON.stringify(value);
}

const KINDS: Record<string, string> = {
  NUMBER_INTEGER: "a whole number", NUMBER_DOUBLE: "a number", BOOLEAN: "true or false", LIST: "a list as JSON", STRUCT: "an object as JSON", STRING: "text",
};

export function kind({ parameterType = "STRING" }: Input): string {
  return KINDS[parameterType] ?? parameterType.toLowerCase();
}

/** What was typed, as its type wants it; a text that says what is wrong where it does not fit. */
export function value(input: Input, text: string): Typed {
  return text === "" ? nothing(input) : typed(input.parameterType ?? "STRING", text);
}

/** All that was typed: what it means, and what is wrong, by name. */
export function values(wanted: [name: string, input: Input][], texts: Record<string, string>): { parameters: Record<string, Json>; wrong: Record<string, string> } {
  const [parameters, wrong]: [Record<string, Json>, Record<string, string>] = [{}, {}];
  for (const [name, input] of wanted) {
    const read = value(input, texts[name] ?? shown(input.defaultValue));
    if (read.wrong) wrong[name] = read.wrong;
    else if (read.value !== undefined) parameters[name] = read.value;
  }
  return { parameters, wrong };
}

/** Parameters pasted as JSON or YAML, as the texts of a form. */
export function pasted(text: string): { found?: Record<string, string>; wrong?: string } {
  try {
    const read = parse(text) as Json;
    if (typeof read !== "object" || read === null || Array.isArray(read)) return { wrong: "expected names and values" };
    return { found: Object.fromEntries(Object.entries(read).map(([key, one]) => [key, shown(one)])) };
  } catch (problem) {
    return { wrong: problem instanceof Error ? (problem.message.split("\n")[0] ?? "") : String(problem) };
  }
}

/** What a compiled pipeline calls itself. */
export function pipelineName(text: string): string {
  return /^pipelineInfo:\s*(?:\{.*?name:\s*|\n(?:\s+.*\n)*?\s+name:\s*)["']?([^"'\n,}]+)/m.exec(text)?.[1]?.trim() ?? "";
}

interface Typed {
  value?: Json;
  wrong?: string;
}

function nothing({ parameterType = "STRING", isOptional, defaultValue }: Input): Typed {
  if (defaultValue !== undefined || isOptional) return {};
  return parameterType === "STRING" ? { value: "" } : { wrong: "a value is needed" };
}

function typed(type: string, text: string): Typed {
  const number = Number(text);
  if (type === "NUMBER_INTEGER") return Number.isInteger(number) ? { value: number } : { wrong: "expected a whole number" };
  if (type === "NUMBER_DOUBLE") return Number.isFinite(number) ? { value: number } : { wrong: "expected a number" };
  if (type === "BOOLEAN") return text === "true" || text === "false" ? { value: text === "true" } : { wrong: "expected true or false" };
  if (type === "LIST" || type === "STRUCT") return structured(text, type === "LIST");
  return { value: text };
}

function structured(text: string, list: boolean): Typed {
  try {
    const found = JSON.parse(text) as Json;
    const fits = list ? Array.isArray(found) : typeof found === "object" && found !== null && !Array.isArray(found);
    return fits ? { value: found } : { wrong: list ? "expected a list, such as [1, 2]" : 'expected an object, such as {"a": 1}' };
  } catch {
    return { wrong: "this is no JSON" };
  }
}

const STATES: Record<string, string> = {
  PENDING: "Pending", RUNNING: "Running", SUCCEEDED: "Succeeded", SKIPPED: "Skipped", FAILED: "Failed", CANCELING: "Canceling", CANCELED: "Canceled", PAUSED: "Paused",
};

export function word(state: string | undefined): string {
  return STATES[state ?? ""] ?? "Pending";
}

export function over({ state }: Run): boolean {
  return ["SUCCEEDED", "FAILED", "CANCELED"].includes(state ?? "");
}

/** `0001-01-01` means never. */
export function time(text: string | undefined): string | undefined {
  return text && Date.parse(text) > 0 ? text : undefined;
}

/** Numbers that components logged, by `artifact.metric`, or by the metric alone where its name is said once. */
export function metrics(artifacts: Artifact[]): Map<string, number> {
  const found = artifacts
    .filter((a) => a.type === "Metric")
    .flatMap((a) => Object.entries(a.metadata ?? {}).flatMap(([name, n]) => (typeof n === "number" ? [{ of: a.name, name, n }] : [])));
  const count = (name: string) => found.filter((one) => one.name === name).length;
  const named = new Map<string, number>();
  for (const { of, name, n } of found) named.set(count(name) > 1 ? unused(named, `${of}.${name}`) : name, n);
  return named;
}

function unused(named: Map<string, number>, name: string): string {
  let n = 1;
  while (named.has(n === 1 ? name : `${name} (${n})`)) n++;
  return n === 1 ? name : `${name} (${n})`;
}

export interface Matrix {
  name: string;
  labels: string[];
  rows: number[][];
}

export function matrices(artifacts: Artifact[]): Matrix[] {
  return artifacts.flatMap((a) => {
    const found = a.metadata?.confusionMatrix as { annotationSpecs?: { displayName?: string }[]; rows?: { row?: number[] }[] } | undefined;
    const labels = (found?.annotationSpecs ?? []).map((s) => s.displayName ?? "");
    const rows = (found?.rows ?? []).map((r) => r.row ?? []);
    return labels.length ? [{ name: a.name, labels, rows }] : [];
  });
}

export interface Curve {
  name: string;
  points: [falsePositive: number, truePositive: number][];
}

export function curves(artifacts: Artifact[]): Curve[] {
  return artifacts.flatMap((a) => {
    const found = a.metadata?.confidenceMetrics as { falsePositiveRate?: number; recall?: number }[] | undefined;
    const points = (Array.isArray(found) ? found : []).map((p): [number, number] => [p.falsePositiveRate ?? 0, p.recall ?? 0]);
    return points.length ? [{ name: a.name, points }] : [];
  });
}

export interface Bar {
  task: Task;
  depth: number;
  /** Shares of the run's time, 0 to 1. */
  from: number;
  length: number;
}

/** Tasks as they began, each below the one that holds it, with its place in the run's time. */
export function bars(tasks: Task[], now: number): Bar[] {
  const begun = tasks.filter((t) => time(t.start_time));
  const start = Math.min(...begun.map((t) => Date.parse(t.start_time ?? "")));
  const end = Math.max(...begun.map((t) => ended(t, now)), start + 1);
  const below = (parent: string | undefined): Task[] =>
    tasks.filter((t) => t.parent_task_id === parent).sort((a, b) => (a.start_time ?? "~").localeCompare(b.start_time ?? "~"));
  const walk = (task: Task, depth: number): Bar[] => {
    const at = time(task.start_time) ? Date.parse(task.start_time ?? "") : end;
    const own = { task, depth, from: (at - start) / (end - start), length: Math.max(0, ended(task, now) - at) / (end - start) };
    return [own, ...below(task.task_id).flatMap((t) => walk(t, depth + 1))];
  };
  const known = new Set(tasks.map((t) => t.task_id));
  const roots = tasks.filter((t) => t.parent_task_id === undefined || !known.has(t.parent_task_id));
  return roots.flatMap((t) => (t.display_name === "root" ? below(t.task_id).flatMap((c) => walk(c, 0)) : walk(t, 0)));
}

function ended(task: Task, now: number): number {
  return time(task.end_time) ? Date.parse(task.end_time ?? "") : time(task.start_time) ? now : 0;
}

/** Every parameter of several runs, and whether they differ in it. */
export function differences(runs: Run[]): { name: string; values: string[]; differs: boolean }[] {
  const names = [...new Set(runs.flatMap((r) => Object.keys(r.runtime_config?.parameters ?? {})))].sort();
  return names.map((name) => {
    const values = runs.map((r) => shown(r.runtime_config?.parameters?.[name]));
    return { name, values, differs: new Set(values).size > 1 };
  });
}

/** Which run made which artifact. */
export interface Made {
  artifact_id: string;
  run_id: string;
}

export function measures(artifacts: Artifact[], made: Made[]): Map<string, Map<string, number>> {
  const known = new Map(artifacts.map((a) => [a.artifact_id, a]));
  const byRun = new Map<string, Map<string, Artifact>>();
  for (const { artifact_id, run_id } of made) {
    const artifact = known.get(artifact_id);
    if (artifact) byRun.set(run_id, new Map(byRun.get(run_id)).set(artifact_id, artifact));
  }
  return new Map([...byRun].map(([run, found]) => [run, metrics([...found.values()])]));
}

/** The names that most runs measured, for columns of a list. */
export function commonest(all: Map<string, Map<string, number>>, most: number): string[] {
  const counts = new Map<string, number>();
  for (const found of all.values()) for (const name of found.keys()) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].sort(([a, n], [b, m]) => m - n || a.localeCompare(b)).slice(0, most).map(([name]) => name);
}

/** As few digits as tell values apart. */
export function digits(value: number): string {
  return Number.isInteger(value) ? value.toLocaleString() : String(Number(value.toPrecision(4)));
}

const DRAWN: Record<string, string> = { confusionMatrix: "confusion matrix", confidenceMetrics: "ROC curve" };

/** What is known of an artifact, in a line: numbers with few digits, drawings by their names. */
export function summary({ metadata = {} }: Artifact): string {
  return Object.entries(metadata).map(([key, value]) => DRAWN[key] ?? `${key} ${typeof value === "number" ? digits(value) : shown(value)}`).join(", ");
}
