/** Several runs side by side: what was given, what came of it, and where they differ. Pure. */

import type { NodeStatus, Workflow } from "../api/types";

export interface Row {
  name: string;
  /** One a run; undefined where a run has none. */
  values: (string | undefined)[];
  differs: boolean;
}

export interface Compared {
  names: string[];
  facts: Row[];
  parameters: Row[];
  metrics: Row[];
}

export function compared(runs: Workflow[], found: Map<string, [string, number][]>): Compared {
  const given = runs.map((run) => new Map((run.spec.arguments?.parameters ?? []).map((p) => [p.name, shown(p.value)])));
  const measured = runs.map((run) => new Map([...numbersOf(run), ...(found.get(run.metadata.uid) ?? [])].map(([k, v]) => [k, String(Number(v.toPrecision(6)))])));
  return {
    names: runs.map((run) => run.metadata.name),
    facts: rows(runs.map(factsOf)),
    parameters: rows(given),
    metrics: rows(measured),
  };
}

function rows(columns: Map<string, string>[]): Row[] {
  const names = [...new Set(columns.flatMap((column) => [...column.keys()]))];
  return names.map((name) => {
    const values = columns.map((column) => column.get(name));
    return { name, values, differs: new Set(values).size > 1 };
  });
}

function shown(value: unknown): string {
  return typeof value === "string" ? value : value === undefined ? "" : JSON.stringify(value);
}

function factsOf({ status, spec }: Workflow): Map<string, string> {
  const seconds = status?.startedAt && status.finishedAt ? (Date.parse(status.finishedAt) - Date.parse(status.startedAt)) / 1000 : undefined;
  const facts = new Map<string, string>([["state", status?.phase || "Pending"]]);
  if (spec.workflowTemplateRef) facts.set("template", spec.workflowTemplateRef.name);
  if (seconds !== undefined) facts.set("duration", `${seconds} s`);
  return facts;
}

/** Output parameters that are numbers: of the run under their own names, of steps under `step.name`. */
export function numbersOf(run: Workflow): [string, number][] {
  const nodes = Object.values(run.status?.nodes ?? {});
  return nodes.flatMap((node) =>
    (node.outputs?.parameters ?? []).flatMap((p): [string, number][] => {
      const value = typeof p.value === "string" && p.value.trim() ? Number(p.value) : Number.NaN;
      if (!Number.isFinite(value)) return [];
      return [[node.id === run.metadata.name ? p.name : `${node.displayName}.${p.name}`, value]];
    }),
  );
}

/** Where metrics may lie as a file. */
export function metricFiles(run: Workflow): { node: NodeStatus; name: string }[] {
  return Object.values(run.status?.nodes ?? {}).flatMap((node) =>
    node.type === "Pod" ? (node.outputs?.artifacts ?? []).filter((a) => /metrics|scores/i.test(a.name)).map((a) => ({ node, name: a.name })) : [],
  );
}

export interface Axis {
  name: string;
  /** Words instead of numbers, in the order in which they stand on the axis. */
  words: string[] | null;
}

/** The axes on which the runs differ, and each run's place on them. */
export function parallel({ parameters, metrics }: Compared): { axes: Axis[]; lines: (number | string)[][] } {
  const told = [...parameters, ...metrics].filter((row) => row.differs && row.values.every((v) => v !== undefined));
  const axes = told.map(({ name, values }): Axis => {
    const numeric = values.every((v) => v !== "" && Number.isFinite(Number(v)));
    return { name, words: numeric ? null : [...new Set(values.map(String))].sort() };
  });
  const count = told[0]?.values.length ?? 0;
  const lines = Array.from({ length: count }, (_, i) => told.map(({ values }, j) => (axes[j]?.words ? String(values[i]) : Number(values[i]))));
  return { axes, lines };
}
