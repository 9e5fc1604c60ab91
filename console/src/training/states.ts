/** How a training job stands, whatever its kind. Pure. */

import type { Condition } from "../api/types";
import type { Family, ReplicaSpec, TrainingJob } from "./kinds";

/** Later words win: a job that succeeded was running before. */
const ORDER = ["Failed", "Succeeded", "Complete", "Suspended", "Restarting", "Running", "Created"];

/** The condition that holds now and says most. */
export function standing(job: TrainingJob): Condition | undefined {
  const held = (job.status?.conditions ?? []).filter((c) => c.status === "True");
  return ORDER.map((type) => held.find((c) => c.type === type)).find(Boolean) ?? held.at(-1);
}

export function state(job: TrainingJob): string {
  const found = standing(job)?.type;
  if (!found) return suspended(job) ? "Suspended" : active(job) ? "Running" : "Pending";
  return found === "Complete" ? "Succeeded" : found;
}

function active(job: TrainingJob): boolean {
  return (job.status?.jobsStatus ?? []).some((s) => (s.active ?? 0) > 0);
}

export function over(job: TrainingJob): boolean {
  return ["Succeeded", "Failed"].includes(state(job));
}

export function suspended(job: TrainingJob): boolean {
  return job.spec.runPolicy?.suspend ?? job.spec.suspend ?? false;
}

/** A merge patch: TrainJob has the field in its spec, the others in their run policy. */
export function suspend(family: Family, on: boolean): object {
  return family.specs ? { spec: { runPolicy: { suspend: on } } } : { spec: { suspend: on } };
}

/** Types and how many of each: `1 Master, 2 Worker`. */
export function replicas(family: Family, job: TrainingJob): string {
  const specs = (job.spec[family.specs] ?? {}) as Record<string, ReplicaSpec>;
  const found = Object.entries(specs).map(([type, { replicas = 1 }]) => `${replicas} ${type}`);
  if (found.length) return found.join(", ");
  return job.spec.trainer?.numNodes ? `${job.spec.trainer.numNodes} nodes` : (job.spec.runtimeRef?.name ?? "");
}

/** Which pods are a job's. */
export function selector(family: Family, name: string): string {
  if (!family.specs) return `jobset.sigs.k8s.io/jobset-name=${name}`;
  const operator = family.of.apiVersion.endsWith("v2beta1") ? "mpi-operator" : `${family.of.kind.toLowerCase()}-controller`;
  return `training.kubeflow.org/job-name=${name},training.kubeflow.org/operator-name=${operator}`;
}

/** `worker` and `1`, of whatever made the pod. */
export function role(labels: Record<string, string> = {}): { type: string; index: number } {
  const type = labels["training.kubeflow.org/replica-type"] ?? labels["jobset.sigs.k8s.io/replicatedjob-name"] ?? labels["training.kubeflow.org/job-role"] ?? "";
  const index = labels["training.kubeflow.org/replica-index"] ?? labels["batch.kubernetes.io/job-completion-index"] ?? "0";
  return { type, index: Number(index) };
}
