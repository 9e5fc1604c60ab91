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

const elk = new ELK({ workerUrl });

export async function place(drawn: Picture): Promise<Map<string, { x: number; y: number }>> {
  const graph = await elk.layout({
    id: "root",
    layoutOptions: {
      "elk.algorithm": "layered",
      "elk.direction": "RIGHT",
      "elk.spacing.nodeNode": "18",
      "elk.layered.spacing.nodeNodeBetweenLayers": "56",
      "elk.layered.considerModelOrder.strategy": "NODES_AND_EDGES",
    },
    children: drawn.boxes.map((b) => ({ id: b.id, ...BOX })),
    edges: drawn.edges.map((e) => ({ id: `${e.from}→${e.to}`, sources: [e.from], targets: [e.to] })),
  });
  return new Map((graph.children ?? []).map((c) => [c.id, { x: c.x ?? 0, y: c.y ?? 0 }]));
}
