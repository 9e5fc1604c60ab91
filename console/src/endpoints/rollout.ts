/**
 * Who gets how much of a component's traffic, and what may be done about it. Pure.
 *
 * The rule is KServe's: the newest ready revision gets `canaryTrafficPercent`, the one that was rolled out before it
 * the rest; without the field the newest gets all, which promotes it.
 */

import { type ComponentStatus, type InferenceService, type Part, standard } from "./kinds";

export interface Share {
  revision: string;
  percent: number;
  /** The one whose share is changed. */
  newest: boolean;
  tag: string;
}

/** Shares as the status has them: the stable one first. Empty before anything was ready. */
export function shares(status: ComponentStatus | undefined): Share[] {
  const newest = status?.latestReadyRevision ?? "";
  const found = new Map<string, Share>();
  for (const { revisionName: revision, percent = 0, tag = "" } of status?.traffic ?? []) {
    const known = found.get(revision);
    const sum = (known?.percent ?? 0) + percent;
    found.set(revision, { revision, percent: sum, newest: revision === newest, tag: known?.tag || tag });
  }
  return [...found.values()].sort((a, b) => Number(a.newest) - Number(b.newest) || a.revision.localeCompare(b.revision));
}

export interface Canary {
  newest: string;
  /** Who gets what the newest does not. */
  stable: string;
  /** What the status says that the newest gets. */
  percent: number;
  /** What the spec asks for; undefined: all. */
  asked: number | undefined;
}

/** Between which two revisions traffic can be split; null where there is one only, or the mode knows none. */
export function canary(service: InferenceService, part: Part): Canary | null {
  const status = service.status?.components?.[part];
  const newest = status?.latestReadyRevision;
  if (!status || !newest || standard(service)) return null;
  const stable = other(status, newest);
  if (!stable) return null;
  const share = shares(status).find((s) => s.newest);
  return { newest, stable, percent: share?.percent ?? 0, asked: service.spec[part]?.canaryTrafficPercent };
}

function other(status: ComponentStatus, newest: string): string | undefined {
  const partner = (status.traffic ?? []).find((t) => t.revisionName !== newest)?.revisionName;
  const known = [partner, status.latestRolledoutRevision, status.previousRolledoutRevision];
  return known.find((name) => name !== undefined && name !== "" && name !== newest);
}

/** The status has what the spec asks for. */
export function settled({ percent, asked }: Canary): boolean {
  return percent === (asked ?? 100);
}

/** A merge patch; null takes the field away, which is how KServe promotes. */
export function split(part: Part, percent: number | null): object {
  return { spec: { [part]: { canaryTrafficPercent: percent } } };
}

/** The same for a canary of Standard mode, by its place in the list. */
export function variant(service: InferenceService, index: number, percent: number): object {
  const canary = (service.spec.canary ?? []).map((one, i) => (i === index ? { ...one, trafficPercent: percent } : one));
  return { metadata: { resourceVersion: service.metadata.resourceVersion }, spec: { canary } };
}
