/** What one does to a run. Plain edits go to the Kubernetes API; what needs Argo's own logic, to its server. */

import { KubeError, create, get, mergePatch, remove, replace } from "../api/kube";
import { WORKFLOW, collection, object } from "../api/resources";
import type { NodeStatus, Workflow } from "../api/types";

export interface Retry {
  restartSuccessful?: boolean;
  nodeFieldSelector?: string;
  parameters?: string[];
}

export interface Resubmit {
  memoized?: boolean;
  parameters?: string[];
}

const kube = ({ metadata: { name, namespace = "" } }: Workflow) => object(WORKFLOW, namespace, name);
const argo = ({ metadata: { name, namespace = "" } }: Workflow, verb: string) =>
  `/api/v1/workflows/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}/${verb}`;

export const stop = (run: Workflow) => mergePatch(kube(run), { spec: { shutdown: "Stop" } });
export const terminate = (run: Workflow) => mergePatch(kube(run), { spec: { shutdown: "Terminate" } });
export const suspend = (run: Workflow) => mergePatch(kube(run), { spec: { suspend: true } });
export const resume = (run: Workflow) => mergePatch(kube(run), { spec: { suspend: null } });
export const erase = (run: Workflow) => remove(kube(run));
/** Out of the archive; one that is not there is as good as gone. */
export const forget = (run: Workflow) =>
  remove(`/api/v1/archived-workflows/${encodeURIComponent(run.metadata.uid)}`).catch((problem) => {
    if (KubeError.of(problem).code !== 404) throw problem;
  });
export const retry = (run: Workflow, how: Retry = {}) => replace<Workflow>(argo(run, "retry"), how);

/** A run that is gone is taken from the archive. */
export async function resubmit(run: Workflow, how: Resubmit = {}, archived = false): Promise<Workflow> {
  const path = archived ? `/api/v1/archived-workflows/${run.metadata.uid}/resubmit` : argo(run, "resubmit");
  try {
    return await replace<Workflow>(path, how);
  } catch (problem) {
    if (KubeError.of(problem).code !== 404 || how.memoized || archived) throw problem;
    return create<Workflow>(collection(WORKFLOW, run.metadata.namespace ?? ""), again(run));
  }
}

/** The same run as a new document: what resubmitting is where no Argo server answers. */
export function again(run: Workflow): object {
  const { name, labels = {} } = run.metadata;
  const own = Object.entries(labels).filter(([key]) => !key.startsWith("workflows.argoproj.io/"));
  return {
    apiVersion: "argoproj.io/v1alpha1",
    kind: "Workflow",
    metadata: { generateName: `${name.replace(/-[a-z0-9]{5}$/, "")}-`, labels: Object.fromEntries(own) },
    spec: { ...run.spec, suspend: undefined, shutdown: undefined },
  };
}

export const setOutputs = (run: Workflow, node: NodeStatus, values: Record<string, string>) =>
  replace(argo(run, "set"), { nodeFieldSelector: `id=${node.id}`, outputParameters: JSON.stringify(values) });

export const stopNode = (run: Workflow, node: NodeStatus, message: string) =>
  replace(argo(run, "stop"), { nodeFieldSelector: `id=${node.id}`, message });

/** Argo's own checks, without running; null: it may be run. */
export async function lint(namespace: string, workflow: unknown): Promise<KubeError | null> {
  try {
    await create(`/api/v1/workflows/${encodeURIComponent(namespace)}/lint`, { workflow });
    return null;
  } catch (problem) {
    const error = KubeError.of(problem);
    return error.code === 404 ? dryRun(namespace, workflow) : error;
  }
}

async function dryRun(namespace: string, workflow: unknown): Promise<KubeError | null> {
  try {
    await create(`${collection(WORKFLOW, namespace)}?dryRun=All`, workflow);
    return null;
  } catch (problem) {
    return KubeError.of(problem);
  }
}

export const submit = (namespace: string, workflow: unknown) => create<Workflow>(collection(WORKFLOW, namespace), workflow);

export const finished = (run: Workflow | undefined): boolean =>
  ["Succeeded", "Failed", "Error"].includes(run?.status?.phase ?? "");

/** From the archive, whole. */
export function archived(namespace: string, name: string, signal?: AbortSignal): Promise<Workflow> {
  const query = new URLSearchParams({ namespace, name });
  return get<Workflow>(`/api/v1/archived-workflows/-?${query}`, signal);
}
