/** From Argo's node statuses to what is drawn: groups left out, wide fans bundled. Pure, and kept between looks. */

import type { NodeStatus, Phase } from "../api/types";

export interface Box {
  id: string;
  label: string;
  phase: Phase | undefined;
  node: NodeStatus | null;
  /** For a bundle: how many nodes of each phase it stands for. */
  counts: Map<string, number> | null;
}

export interface Edge {
  from: string;
  to: string;
}

export interface Picture {
  boxes: Box[];
  edges: Edge[];
  /** Another number when boxes or edges came or went: then places must be found anew. */
  shape: number;
}

export const BOX = { width: 190, height: 46 };
export const GAP = { along: 56, across: 18 };
const WIDEST = 24;
const HIDDEN_TYPES = new Set(["StepGroup", "TaskGroup"]);

/** What is drawn, told anew only where it changed: a box that says the same is the same object. */
export class Drawing {
  private nodes = new Map<string, NodeStatus>();
  private bundleOf = new Map<string, string>();
  private at = new Map<string, number>();
  private last: Picture = { boxes: [], edges: [], shape: 0 };

  update(nodes: Map<string, NodeStatus>): Picture {
    if (nodes === this.nodes) return this.last;
    const changed = changes(this.nodes, nodes);
    this.last = changed ? this.restated(changed, nodes) : this.rebuilt(nodes);
    this.nodes = nodes;
    return this.last;
  }

  /** The boxes stand where they stood; some say something else. */
  private restated(changed: NodeStatus[], nodes: Map<string, NodeStatus>): Picture {
    if (changed.length === 0) return this.last;
    const boxes = [...this.last.boxes];
    const bundles = new Set<number>();
    for (const node of changed) {
      const bundle = this.bundleOf.get(node.id);
      const i = this.at.get(bundle ?? node.id);
      const box = i === undefined ? undefined : boxes[i];
      if (i === undefined || !box) continue;
      if (bundle === undefined) boxes[i] = { ...box, phase: node.phase, node };
      else boxes[i] = recounted(bundles.has(i) ? box : { ...box, counts: new Map(box.counts) }, this.nodes.get(node.id), node);
      if (bundle !== undefined) bundles.add(i);
    }
    this.nodes = nodes;
    return { ...this.last, boxes };
  }

  private rebuilt(nodes: Map<string, NodeStatus>): Picture {
    this.bundleOf = bundles(nodes);
    const next = picture(nodes, this.bundleOf);
    const before = this.last;
    const known = this.at;
    const boxes = next.boxes.map((box) => {
      const i = known.get(box.id);
      const old = i === undefined ? undefined : before.boxes[i];
      return old && old.node === box.node && old.label === box.label && !box.counts ? old : box;
    });
    this.at = new Map(boxes.map((box, i) => [box.id, i]));
    const same =
      boxes.length === before.boxes.length &&
      next.edges.length === before.edges.length &&
      boxes.every((box, i) => box.id === before.boxes[i]?.id) &&
      next.edges.every((e, i) => e.from === before.edges[i]?.from && e.to === before.edges[i]?.to);
    return { boxes, edges: same ? before.edges : next.edges, shape: same ? before.shape : before.shape + 1 };
  }
}

/** The nodes that say something else; null if what hangs together changed. */
function changes(before: Map<string, NodeStatus>, now: Map<string, NodeStatus>): NodeStatus[] | null {
  if (before.size !== now.size || now.size === 0) return null;
  const found: NodeStatus[] = [];
  for (const node of now.values()) {
    const old = before.get(node.id);
    if (old === node) continue;
    if (!old || old.children !== node.children || old.displayName !== node.displayName || old.type !== node.type || old.boundaryID !== node.boundaryID) return null;
    found.push(node);
  }
  return found;
}

function recounted(box: Box, before: NodeStatus | undefined, now: NodeStatus): Box {
  const { counts } = box;
  if (!counts || !before) return box;
  add(counts, before.phase || "Pending", -1);
  add(counts, now.phase || "Pending", 1);
  return { ...box, phase: worst(counts) };
}

function add(counts: Map<string, number>, phase: string, by: number): void {
  const left = (counts.get(phase) ?? 0) + by;
  if (left > 0) counts.set(phase, left);
  else counts.delete(phase);
}

/** Boxes and edges of a run; a node whose type is only structure is replaced by what follows it. */
export function picture(nodes: Map<string, NodeStatus>, bundleOf = bundles(nodes)): Picture {
  const boxes = new Map<string, Box>();
  const edges = new Map<string, Edge>();
  for (const node of nodes.values()) {
    if (hidden(node)) continue;
    const bundle = bundleOf.get(node.id);
    const id = bundle ?? node.id;
    put(boxes, id, node, bundle !== undefined);
    for (const next of successors(node, nodes, new Set())) {
      const to = bundleOf.get(next) ?? next;
      if (to !== id) edges.set(`${id}→${to}`, { from: id, to });
    }
  }
  return { boxes: [...boxes.values()], edges: [...edges.values()].filter((e) => boxes.has(e.from) && boxes.has(e.to)), shape: 1 };
}

function put(boxes: Map<string, Box>, id: string, node: NodeStatus, bundled: boolean): void {
  if (!bundled) {
    boxes.set(id, { id, label: node.displayName, phase: node.phase, node, counts: null });
    return;
  }
  const box = boxes.get(id) ?? { id, label: fanName(node), phase: "Succeeded", node: null, counts: new Map<string, number>() };
  if (box.counts) {
    add(box.counts, node.phase || "Pending", 1);
    box.phase = worst(box.counts);
  }
  boxes.set(id, box);
}

function worst(counts: Map<string, number>): Phase {
  const order: Phase[] = ["Failed", "Error", "Running", "Pending"];
  return order.find((phase) => counts.has(phase)) ?? "Succeeded";
}

function hidden(node: NodeStatus): boolean {
  return HIDDEN_TYPES.has(node.type);
}

export function fanName(node: NodeStatus): string {
  return node.displayName.replace(/\(.*\)$/, "");
}

function fanOf(node: NodeStatus): string | null {
  return hidden(node) || !/\(\d+/.test(node.displayName) ? null : `fan:${node.boundaryID ?? ""}/${fanName(node)}`;
}

/** Siblings of one loop beyond a width that a person can take in share one box. */
function bundles(nodes: Map<string, NodeStatus>): Map<string, string> {
  const fans = new Map<string, NodeStatus[]>();
  for (const node of nodes.values()) {
    const key = fanOf(node);
    if (key === null) continue;
    const found = fans.get(key);
    if (found) found.push(node);
    else fans.set(key, [node]);
  }
  const of = new Map<string, string>();
  for (const [key, found] of fans) if (found.length > WIDEST) for (const member of found) of.set(member.id, key);
  return of;
}

/** The nodes for which a bundle stands. */
export function members(nodes: Map<string, NodeStatus>, bundle: string): NodeStatus[] {
  return bundle.startsWith("fan:") ? [...nodes.values()].filter((node) => fanOf(node) === bundle) : [];
}

function successors(node: NodeStatus, nodes: Map<string, NodeStatus>, seen: Set<string>): string[] {
  const found: string[] = [];
  for (const id of node.children ?? []) {
    if (seen.has(id)) continue;
    seen.add(id);
    const child = nodes.get(id);
    if (!child) continue;
    if (hidden(child)) found.push(...successors(child, nodes, seen));
    else found.push(id);
  }
  return found;
}

/** What a box says below its name. */
export function detail(box: Box): string {
  if (box.node?.type === "Suspend" && box.phase === "Running") return "waits for approval";
  if (box.counts) return [...box.counts].map(([phase, n]) => `${n} ${phase.toLowerCase()}`).join(", ");
  if (box.node?.memoizationStatus?.hit) return "unchanged, taken from before";
  return box.node?.templateName ?? box.node?.templateRef?.template ?? box.node?.type ?? "";
}

/** The state as colour: a step that waits for a person is neither running nor still. */
export function stateOf(box: Box): string {
  return box.node?.type === "Suspend" && box.phase === "Running" ? "waits" : (box.phase || "Pending").toLowerCase();
}
