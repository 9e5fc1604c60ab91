/** What a run's nodes tell: where it failed, what waits, what it took the time for. */

import type { NodeStatus } from "../api/types";

const STRUCTURE = new Set(["StepGroup", "TaskGroup"]);

export const failed = (node: NodeStatus): boolean => node.phase === "Failed" || node.phase === "Error";
export const waits = (node: NodeStatus): boolean => node.type === "Suspend" && node.phase === "Running";
export const drawn = (node: NodeStatus): boolean => !STRUCTURE.has(node.type);

/** The step that failed first and not because of another one. */
export function culprit(nodes: Map<string, NodeStatus>): NodeStatus | undefined {
  const bad = [...nodes.values()].filter((n) => failed(n) && !(n.children ?? []).some((id) => inside(nodes, n, id)));
  const leaves = bad.filter((n) => n.type === "Pod" || n.type === "Suspend" || n.type === "HTTP" || n.type === "Plugin");
  return (leaves.length ? leaves : bad).toSorted((a, b) => when(a.finishedAt) - when(b.finishedAt))[0];
}

/** Is this child's failure why its group failed? */
function inside(nodes: Map<string, NodeStatus>, node: NodeStatus, id: string): boolean {
  const child = nodes.get(id);
  return node.type !== "Pod" && child !== undefined && failed(child);
}

export function waiting(nodes: Map<string, NodeStatus>): NodeStatus | undefined {
  for (const node of nodes.values()) if (waits(node)) return node;
  return undefined;
}

/** A step that should be at work and cannot be: an image without a rule, a claim that is not there. */
export function stuck(nodes: Map<string, NodeStatus>): NodeStatus | undefined {
  const own = [...nodes.values()].filter((n) => n.type === "Pod");
  if (own.some((n) => n.phase === "Running")) return undefined;
  return own.find((n) => (!n.phase || n.phase === "Pending") && n.message);
}

export function when(time: string | undefined): number {
  return time ? Date.parse(time) : Number.POSITIVE_INFINITY;
}

/**
 * The chain of steps that the whole waited for: from what ended last, each time back to what ended last before it.
 * Ids of pods and other leaves; groups only hold them.
 */
export function critical(nodes: Map<string, NodeStatus>): Set<string> {
  const parents = new Map<string, string[]>();
  for (const node of nodes.values())
    for (const child of node.children ?? []) {
      const found = parents.get(child);
      if (found) found.push(node.id);
      else parents.set(child, [node.id]);
    }
  const leaves = [...nodes.values()].filter((n) => !(n.children ?? []).length && n.startedAt);
  let at = latest(leaves);
  const path = new Set<string>();
  while (at && !path.has(at.id)) {
    path.add(at.id);
    at = latest((parents.get(at.id) ?? []).flatMap((id) => nodes.get(id) ?? []));
  }
  return path;
}

function latest(nodes: NodeStatus[]): NodeStatus | undefined {
  return nodes.reduce<NodeStatus | undefined>((best, n) => (best && when(best.finishedAt) >= when(n.finishedAt) ? best : n), undefined);
}

export interface Bar {
  node: NodeStatus;
  /** Seconds since the run began. */
  from: number;
  to: number;
  depth: number;
  critical: boolean;
}

/** One bar a step, in the order in which they began. */
export function bars(nodes: Map<string, NodeStatus>, now: number): { bars: Bar[]; length: number } {
  const path = critical(nodes);
  const begun = [...nodes.values()].filter((n) => n.startedAt && drawn(n)).sort((a, b) => when(a.startedAt) - when(b.startedAt));
  const start = begun.reduce((least, n) => Math.min(least, when(n.startedAt)), Number.POSITIVE_INFINITY);
  const all = begun.map((node): Bar => {
    const from = (when(node.startedAt) - start) / 1000;
    const end = node.finishedAt ? when(node.finishedAt) : now;
    return { node, from, to: Math.max(from, (end - start) / 1000), depth: depthOf(node, nodes), critical: path.has(node.id) };
  });
  return { bars: all, length: Math.max(1, ...chunks(all)) };
}

/** `Math.max(...)` of thousands of values would overflow the stack. */
function chunks(all: Bar[]): number[] {
  return [all.reduce((most, bar) => Math.max(most, bar.to), 0)];
}

const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400];

/** Round seconds for the scale of a timeline, at most `most` of them, from 0. */
export function ticks(length: number, most: number): number[] {
  const step = STEPS.find((each) => length / each <= most) ?? Math.ceil(length / most / 86_400) * 86_400;
  return Array.from({ length: Math.ceil(length / step) }, (_, i) => i * step);
}

function depthOf(node: NodeStatus, nodes: Map<string, NodeStatus>): number {
  let depth = 0;
  for (let at = node.boundaryID; at && depth < 8; at = nodes.get(at)?.boundaryID) depth++;
  return depth;
}
