/** Numbers over the last minutes, by what they are of; and what belongs together on one dashboard. Pure. */

import type { PodMetrics } from "../api/machine";
import type { Endpoint, Pod } from "../api/types";
import { quantity } from "../objects/quantity";

export interface Point {
  at: number;
  value: number;
}

/** Name of a line → its points, oldest first. */
export type Series = ReadonlyMap<string, readonly Point[]>;

const KEPT = 15 * 60_000;

/** With the values of this moment; what is older than KEPT goes, and lines of which nothing is left. */
export function grown(series: Series, at: number, values: ReadonlyMap<string, number>): Series {
  const next = new Map<string, readonly Point[]>();
  for (const name of new Set([...series.keys(), ...values.keys()])) {
    const value = values.get(name);
    const points = (series.get(name) ?? []).filter((point) => at - point.at < KEPT);
    const all = value === undefined ? points : [...points, { at, value }];
    if (all.length) next.set(name, all);
  }
  return next;
}

/** Increase a second of counters; those that were not there before say nothing yet. */
export function perSecond(before: ReadonlyMap<string, number>, now: ReadonlyMap<string, number>, seconds: number): Map<string, number> {
  const found = new Map<string, number>();
  for (const [name, value] of now) {
    const earlier = before.get(name);
    if (earlier !== undefined && seconds > 0) found.set(name, (value >= earlier ? value - earlier : value) / seconds);
  }
  return found;
}

export function usage(metrics: PodMetrics[], of: "cpu" | "memory"): Map<string, number> {
  return new Map(
    metrics.map(({ metadata, containers }) => [metadata.name, containers.reduce((total, each) => total + (quantity(each.usage[of]) ?? 0), 0)]),
  );
}

export interface Group {
  /** `Workflow/train`: also what the link says. */
  id: string;
  kind: string;
  name: string;
  pods: string[];
}

/** Labels that upstream's controllers put on their pods, and the kind that they tell. */
const OWNERS: [label: string, kind: string][] = [
  ["serving.kserve.io/inferenceservice", "Endpoint"],
  ["training.kubeflow.org/job-name", "Training job"],
  ["jobset.sigs.k8s.io/jobset-name", "Training job"],
  ["workflows.argoproj.io/workflow", "Workflow"],
  ["notebook-name", "Notebook"],
  ["batch.kubernetes.io/job-name", "Job"],
  ["job-name", "Job"],
];

/** Pods by what they work for; endpoints without pods are there, too. */
export function groups(pods: Pod[], endpoints: Endpoint[]): Group[] {
  const found = new Map<string, Group>();
  const at = (kind: string, name: string): Group => {
    const id = `${kind}/${name}`;
    const group = found.get(id) ?? { id, kind, name, pods: [] };
    found.set(id, group);
    return group;
  };
  for (const { name } of endpoints) at("Endpoint", name);
  for (const pod of pods) {
    const labels = pod.metadata.labels ?? {};
    const owner = OWNERS.find(([label]) => labels[label]);
    at(owner?.[1] ?? "Pod", owner ? (labels[owner[0]] ?? "") : pod.metadata.name).pods.push(pod.metadata.name);
  }
  return [...found.values()];
}

export function only(series: Series, names: readonly string[]): Series {
  return new Map(names.flatMap((name) => (series.has(name) ? [[name, series.get(name) ?? []] as const] : [])));
}

export function latest(series: Series): number {
  return [...series.values()].reduce((total, points) => total + (points.at(-1)?.value ?? 0), 0);
}
