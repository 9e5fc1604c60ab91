/**
 * `children`, as upstream's status has them, from the links of single nodes (the rule of `kinds/nodes.py`).
 *
 * Kept from one look to the next: a node that did not change is the same object, so that whoever draws thousands
 * of them does only what is new.
 */

import type { Links, NodeStatus, WorkflowNode } from "../api/types";

const GROUPS = new Set(["Steps", "DAG", "StepGroup", "TaskGroup", "Retry"]);

export class Family {
  private items = new Map<string, WorkflowNode>();
  private shown = new Map<string, NodeStatus>();

  /** Node id → status with its children, in the order in which the nodes came to be. */
  update(items: Iterable<WorkflowNode>): Map<string, NodeStatus> {
    const next = new Map<string, WorkflowNode>();
    for (const item of items) next.set(item.status.id, item);
    const changed = [...next.values()].filter((item) => this.items.get(item.status.id) !== item);
    if (changed.length === 0 && next.size === this.items.size) return this.shown;
    const same = next.size === this.items.size && changed.every((item) => alike(this.items.get(item.status.id), item));
    this.shown = same ? this.restated(changed) : this.related(next);
    this.items = next;
    return this.shown;
  }

  /** The shape stands: only what nodes say is new. */
  private restated(changed: WorkflowNode[]): Map<string, NodeStatus> {
    const shown = new Map(this.shown);
    for (const { status } of changed) shown.set(status.id, { ...status, children: this.shown.get(status.id)?.children ?? [] });
    return shown;
  }

  private related(items: Map<string, WorkflowNode>): Map<string, NodeStatus> {
    const ordered = [...items.values()].sort((a, b) => (a.links?.order ?? 0) - (b.links?.order ?? 0));
    const children = kinship(ordered, items);
    return new Map(
      ordered.map((item) => {
        const { status } = item;
        const own = children.get(status.id) ?? status.children ?? [];
        const before = this.shown.get(status.id);
        const kept = before?.children && equal(before.children, own) ? before.children : own;
        const stands = before !== undefined && kept === before.children && this.items.get(status.id) === item;
        return [status.id, stands ? before : { ...status, children: kept }];
      }),
    );
  }
}

/** Once, for who does not look again. */
export function family(items: Iterable<WorkflowNode>): Map<string, NodeStatus> {
  return new Family().update(items);
}

function alike(before: WorkflowNode | undefined, now: WorkflowNode): boolean {
  return before !== undefined && before.status.type === now.status.type && sameLinks(before.links, now.links) && equal(before.status.children ?? [], now.status.children ?? []);
}

function sameLinks(a: Links | undefined, b: Links | undefined): boolean {
  if (a === b) return true;
  return a?.order === b?.order && (["parents", "after", "ends"] as const).every((key) => equal(a?.[key] ?? [], b?.[key] ?? []));
}

function equal(a: readonly string[], b: readonly string[]): boolean {
  return a === b || (a.length === b.length && a.every((one, i) => one === b[i]));
}

function kinship(ordered: WorkflowNode[], objects: Map<string, WorkflowNode>): Map<string, string[]> {
  const below = new Map<string, string[]>();
  for (const { status, links } of ordered) for (const parent of links?.parents ?? []) append(below, parent, status.id);
  const children = new Map([...below].map(([id, found]) => [id, [...found]]));
  const known = new Map<string, string[]>();
  for (const { status, links } of ordered)
    for (const before of links?.after ?? [])
      for (const last of outbound(before, objects, below, known)) append(children, last, status.id);
  return children;
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
