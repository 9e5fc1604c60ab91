/** From Argo's node statuses to what is drawn: groups left out, wide fans bundled, then laid out by elk. */

import ELK from "elkjs/lib/elk-api.js";
import workerUrl from "elkjs/lib/elk-worker.min.js?url";
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
}

export const BOX = { width: 190, height: 46 };
const WIDEST = 24;
const HIDDEN_TYPES = new Set(["StepGroup", "TaskGroup"]);

/** Boxes and edges of a run; a node whose type is only structure is replaced by what follows it. */
export function picture(nodes: Map<string, NodeStatus>): Picture {
  const boxes = new Map<string, Box>();
  const edges = new Map<string, Edge>();
  const bundleOf = bundles(nodes);
  for (const node of nodes.values()) {
    if (hidden(node)) continue;
    const id = bundleOf.get(node.id) ?? node.id;
    add(boxes, id, node, id !== node.id);
    for (const next of successors(node, nodes, new Set())) {
      const to = bundleOf.get(next) ?? next;
      if (to !== id) edges.set(`${id}→${to}`, { from: id, to });
    }
  }
  return { boxes: [...boxes.values()], edges: [...edges.values()].filter((e) => boxes.has(e.from) && boxes.has(e.to)) };
}

function add(boxes: Map<string, Box>, id: string, node: NodeStatus, bundled: boolean): void {
  if (!bundled) {
    boxes.set(id, { id, label: node.displayName, phase: node.phase, node, counts: null });
    return;
  }
  const box = boxes.get(id) ?? { id, label: fanName(node), phase: "Succeeded", node: null, counts: new Map() };
  const phase = node.phase || "Pending";
  box.counts?.set(phase, (box.counts.get(phase) ?? 0) + 1);
  box.phase = worst(box.counts);
  boxes.set(id, box);
}

function worst(counts: Map<string, number> | null): Phase {
  const order: Phase[] = ["Failed", "Error", "Running", "Pending"];
  return order.find((phase) => counts?.has(phase)) ?? "Succeeded";
}

function hidden(node: NodeStatus): boolean {
  return HIDDEN_TYPES.has(node.type);
}

export function fanName(node: NodeStatus): string {
  return node.displayName.replace(/\(.*\)$/, "");
}

/** Siblings of one loop beyond a width that a person can take in share one box. */
function bundles(nodes: Map<string, NodeStatus>): Map<string, string> {
  const fans = new Map<string, NodeStatus[]>();
  for (const node of nodes.values()) {
    if (hidden(node) || !/\(\d+/.test(node.displayName)) continue;
    const key = `${node.boundaryID ?? ""}/${fanName(node)}`;
    fans.set(key, [...(fans.get(key) ?? []), node]);
  }
  const of = new Map<string, string>();
  for (const [key, members] of fans)
    if (members.length > WIDEST) for (const member of members) of.set(member.id, `fan:${key}`);
  return of;
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

export type Direction = "RIGHT" | "DOWN";

const GAP = { along: 56, across: 18 };

/** Which way the run flows so that its boxes are largest on a canvas of this size. */
export function direction(drawn: Picture, width: number, height: number): Direction {
  const { depth, widest } = extent(drawn);
  const fit = (w: number, h: number) => Math.min(width / w, height / h, 1);
  const across = widest * (BOX.width + GAP.across);
  const right = fit(depth * (BOX.width + GAP.along), widest * (BOX.height + GAP.across));
  return fit(across, depth * (BOX.height + GAP.along)) > right ? "DOWN" : "RIGHT";
}

/** Layers by the longest path, and how many boxes the fullest has. */
function extent(drawn: Picture): { depth: number; widest: number } {
  const next = new Map<string, string[]>();
  for (const { from, to } of drawn.edges) next.set(from, [...(next.get(from) ?? []), to]);
  const layer = new Map<string, number>();
  const visit = (id: string, at: number) => {
    if ((layer.get(id) ?? -1) >= at || at > drawn.boxes.length) return;
    layer.set(id, at);
    for (const to of next.get(id) ?? []) visit(to, at + 1);
  };
  const targets = new Set(drawn.edges.map((e) => e.to));
  for (const box of drawn.boxes) if (!targets.has(box.id)) visit(box.id, 0);
  const sizes = new Map<number, number>();
  for (const at of layer.values()) sizes.set(at, (sizes.get(at) ?? 0) + 1);
  return { depth: Math.max(1, sizes.size), widest: Math.max(1, ...sizes.values()) };
}

const elk = new ELK({ workerUrl });

export async function place(drawn: Picture, towards: Direction): Promise<Map<string, { x: number; y: number }>> {
  const graph = await elk.layout({
    id: "root",
    layoutOptions: {
      "elk.algorithm": "layered",
      "elk.direction": towards,
      "elk.spacing.nodeNode": String(GAP.across),
      "elk.layered.spacing.nodeNodeBetweenLayers": String(GAP.along),
      "elk.layered.nodePlacement.bk.fixedAlignment": "BALANCED",
      "elk.layered.considerModelOrder.strategy": "NODES_AND_EDGES",
    },
    children: drawn.boxes.map((b) => ({ id: b.id, ...BOX })),
    edges: drawn.edges.map((e) => ({ id: `${e.from}→${e.to}`, sources: [e.from], targets: [e.to] })),
  });
  return new Map((graph.children ?? []).map((c) => [c.id, { x: c.x ?? 0, y: c.y ?? 0 }]));
}
