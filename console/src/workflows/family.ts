/** `children`, as upstream's status has them, from the links of single nodes (the rule of `kinds/nodes.py`). */

import type { NodeStatus, WorkflowNode } from "../api/types";

const GROUPS = new Set(["Steps", "DAG", "StepGroup", "TaskGroup", "Retry"]);

/** Node id → status with its children, in the order in which the nodes came to be. */
export function family(items: Iterable<WorkflowNode>): Map<string, NodeStatus> {
  const objects = new Map([...items].map((item) => [item.status.id, item]));
  const ordered = [...objects.values()].sort((a, b) => (a.links?.order ?? 0) - (b.links?.order ?? 0));
  const below = new Map<string, string[]>();
  for (const { status, links } of ordered) for (const parent of links?.parents ?? []) append(below, parent, status.id);
  const children = new Map([...below].map(([id, found]) => [id, [...found]]));
  const known = new Map<string, string[]>();
  for (const { status, links } of ordered)
    for (const before of links?.after ?? [])
      for (const last of outbound(before, objects, below, known)) append(children, last, status.id);
  return new Map(
    ordered.map(({ status }) => [status.id, { ...status, children: children.get(status.id) ?? status.children ?? [] }]),
  );
}

/** The nodes that end a group: what comes after it hangs below them. */
function outbound(
  id: string,
  objects: Map<string, WorkflowNode>,
  below: Map<string, string[]>,
  known: Map<string, string[]>,
): string[] {
  const found = known.get(id);
  if (found) return found;
  known.set(id, [id]);
  const object = objects.get(id);
  if (!object || !GROUPS.has(object.status.type)) return [id];
  const { type } = object.status;
  const members = type === "Steps" || type === "DAG" ? (object.links?.ends ?? []) : (below.get(id) ?? []);
  const last = type === "Retry" ? members.slice(-1) : members;
  const ends = last.flatMap((child) => outbound(child, objects, below, known));
  known.set(id, ends.length ? ends : [id]);
  return ends.length ? ends : [id];
}

function append(map: Map<string, string[]>, key: string, value: string): void {
  const found = map.get(key);
  if (found) found.push(value);
  else map.set(key, [value]);
}
