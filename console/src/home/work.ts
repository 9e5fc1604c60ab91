/** Jobs, experiments, notebooks and endpoints reduced to what Home says of each: one line. */

import type { Condition, KubeObject } from "../api/types";

export interface WithConditions extends KubeObject {
  spec?: { suspend?: boolean; [more: string]: unknown };
  status?: {
    conditions?: Condition[];
    startTime?: string;
    completionTime?: string;
    readyReplicas?: number;
    trials?: number;
    trialsRunning?: number;
    trialsSucceeded?: number;
    currentOptimalTrial?: { observation?: { metrics?: { name: string; latest: string }[] } };
    [more: string]: unknown;
  };
}

export type State = "running" | "waiting" | "failed" | "done" | "off";

export interface Work {
  state: State;
  /** What it does, or why it does not. */
  says: string;
  at: string;
}

const DONE = ["Succeeded", "Complete", "SuccessCriteriaMet"];
const STOPPED = "kubeflow-resource-stopped";

function holds(item: WithConditions, ...types: string[]): Condition | undefined {
  return item.status?.conditions?.find((c) => types.includes(c.type) && c.status === "True");
}

/** A training job of any framework, a batch Job, an experiment: they speak in conditions. */
export function job(item: WithConditions): Work {
  const failed = holds(item, "Failed");
  const at = item.metadata.creationTimestamp;
  if (failed) return { state: "failed", says: failed.message || failed.reason || "", at: failed.lastTransitionTime ?? at };
  const done = holds(item, ...DONE);
  if (done) return { state: "done", says: done.message ?? "", at: item.status?.completionTime ?? done.lastTransitionTime ?? at };
  if (item.spec?.suspend || holds(item, "Suspended")) return { state: "off", says: "suspended", at };
  return { state: "running", says: progress(item), at: item.status?.startTime ?? at };
}

function progress(item: WithConditions): string {
  const { trials, trialsSucceeded = 0, currentOptimalTrial } = item.status ?? {};
  if (trials === undefined) return "";
  const metric = currentOptimalTrial?.observation?.metrics?.[0];
  const most = Number(item.spec?.maxTrialCount ?? trials);
  return `${trialsSucceeded} of ${most} trials${metric ? `, best ${metric.name} ${metric.latest}` : ""}`;
}

export function notebook(item: WithConditions): Work {
  const at = item.metadata.creationTimestamp;
  if (item.metadata.annotations?.[STOPPED] !== undefined) return { state: "off", says: "stopped", at };
  if ((item.status?.readyReplicas ?? 0) > 0) return { state: "running", says: "ready", at };
  const refused = item.status?.conditions?.find((c) => c.status === "False" && c.message);
  return { state: "waiting", says: refused?.message ?? "starting", at };
}

/** Only one that says why it is not ready is a trouble; a new one is starting. */
export function endpoint(item: WithConditions): Work {
  const ready = item.status?.conditions?.find((c) => c.type === "Ready");
  const at = ready?.lastTransitionTime ?? item.metadata.creationTimestamp;
  if (ready?.status === "True") return { state: "running", says: "ready", at };
  const why = item.status?.conditions?.find((c) => c.status === "False" && c.message && /fail|error|crash|invalid/i.test(`${c.reason}`));
  return why ? { state: "failed", says: why.message ?? "", at } : { state: "waiting", says: ready?.message ?? "starting", at };
}

/** How an endpoint's traffic is split among its predictor's revisions. */
export function sharesOf(components: unknown): { revision: string; percent: number }[] {
  const { predictor } = (components ?? {}) as { predictor?: { traffic?: { revisionName: string; percent?: number }[] } };
  return (predictor?.traffic ?? []).flatMap(({ revisionName, percent = 0 }) => (percent ? [{ revision: revisionName, percent }] : []));
}

/** Made by something else that Home shows already. */
export function owned(item: KubeObject): boolean {
  return (item.metadata.ownerReferences ?? []).some((owner) => owner.controller);
}
