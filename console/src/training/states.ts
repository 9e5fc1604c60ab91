/** How a training job stands, whatever its kind. Pure. */

import type { Condition, Pod } from "../api/types";
import type { Family, ReplicaSpec, TrainingJob } from "./kinds";

/** Later words win: a job that succeeded was running before. */
const ORDER = ["Failed", "Succeeded", "Complete", "Completed", "Suspended", "Restarting", "Running", "Created"];

/** The condition that holds now and says most. */
export function standing(job: TrainingJob): Condition | undefined {
  const held = (job.status?.conditions ?? []).filter((c) => c.status === "True");
  return ORDER.map((type) => held.find((c) => c.type === type)).find(Boolean) ?? held.at(-1);
}

export function state(job: TrainingJob): string {
  const found = standing(job)?.type;
  if (!found) return suspended(job) ? "Suspended" : active(job) ? "Running" : "Pending";
  return found.startsWith("Complete") ? "Succeeded" : found;
}

function active(job: TrainingJob): boolean {
  return (job.status?.jobsStatus ?? []).some((s) => (s.active ?? 0) > 0);
}

/** JobSets and TrainJobs do not say when they began: then they were made. */
export function begun(job: TrainingJob): string | undefined {
  const waits = ["Suspended", "Pending", "Created"].includes(state(job));
  return job.status?.startTime ?? (waits ? undefined : job.metadata.creationTimestamp);
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
  const sets = (job.spec.replicatedJobs ?? []).map(({ name, replicas = 1, template }) => `${replicas * (template?.spec?.parallelism ?? 1)} ${name}`);
  if (sets.length) return sets.join(", ");
  return job.spec.trainer?.numNodes ? `${job.spec.trainer.numNodes} nodes` : (job.spec.runtimeRef?.name ?? "");
}

/** Which pods are a job's. */
export function selector(family: Family, name: string): string {
  if (!family.specs) return `jobset.sigs.k8s.io/jobset-name=${name}`;
  if (family.of.kind === "MPIJob") return `training.kubeflow.org/job-name=${name}`;
  const operator = `${family.of.kind.toLowerCase()}-controller`;
  return `training.kubeflow.org/job-name=${name},training.kubeflow.org/operator-name=${operator}`;
}

export interface Listed {
  family: Family;
  job: TrainingJob;
}

/** Each job once, though two versions of its kind list it; those that another job made are told on its page. */
export function distinct(jobs: Listed[]): Listed[] {
  const seen = new Set<string>();
  return jobs.filter(({ family, job: { metadata } }) => {
    const made = family.of.kind === "JobSet" && metadata.ownerReferences?.some((owner) => owner.controller);
    if (made || seen.has(metadata.uid)) return false;
    seen.add(metadata.uid);
    return true;
  });
}

const TOLD = /^(TF_CONFIG|MASTER_(ADDR|PORT)|WORLD_SIZE|RANK|LOCAL_RANK|PET_|COORDINATOR_|PROCESS_ID|NUM_PROCESSES|PADDLE_|TRAINER_|RABIT_|WORKER_(ADDRS|PORT)|DMLC_|OMPI_|I_MPI_|HYDRA_|KUBEFLOW_TRAINER_SERVER_URL)/;

/** What the operator tells a replica of the others: variables of the framework, JSON spread out. */
export function told(pod: Pod): [name: string, value: string][] {
  const containers = pod.spec.containers as { env?: { name: string; value?: string; valueFrom?: { fieldRef?: { fieldPath?: string } } }[] }[];
  return (containers[0]?.env ?? [])
    .filter(({ name }) => TOLD.test(name))
    .map(({ name, value, valueFrom }) => [name, value === undefined ? (valueFrom?.fieldRef?.fieldPath ?? "") : spread(value)]);
}

function spread(value: string): string {
  if (!/^\s*[{[]/.test(value)) return value;
  try {
    return JSON.stringify(JSON.parse(value), null, 2);
  } catch {
    return value;
  }
}

/** `worker` and `1`, of whatever made the pod. */
export function role(labels: Record<string, string> = {}): { type: string; index: number } {
  const type = labels["training.kubeflow.org/replica-type"] ?? labels["jobset.sigs.k8s.io/replicatedjob-name"] ?? labels["training.kubeflow.org/job-role"] ?? "";
  const index = labels["training.kubeflow.org/replica-index"] ?? labels["batch.kubernetes.io/job-completion-index"] ?? "0";
  return { type, index: Number(index) };
}
