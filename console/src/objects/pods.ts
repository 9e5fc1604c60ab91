/** What a pod says of itself, in one word or number. Pure. */

import type { Pod } from "../api/types";

export function ready(pod: Pod): boolean {
  return pod.status?.conditions?.some((c) => c.type === "Ready" && c.status === "True") ?? false;
}

export function restarts(pod: Pod): number {
  return (pod.status?.containerStatuses ?? []).reduce((sum, c) => sum + c.restartCount, 0);
}

/** A word that says more than the phase: why it waits, or that it serves. */
export function state(pod: Pod): string {
  if (pod.metadata.deletionTimestamp) return "Ending";
  const waiting = (pod.status?.containerStatuses ?? []).map((c) => (c.state?.waiting as { reason?: string } | undefined)?.reason);
  const why = waiting.find((reason) => reason && reason !== "ContainerCreating");
  if (why) return why;
  return pod.status?.phase === "Running" && ready(pod) ? "Ready" : (pod.status?.phase ?? "Pending");
}
