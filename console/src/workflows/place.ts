/** Where the boxes of a run of ordinary size stand: laid out by elk, beside the page's own thread. */

import ELK from "elkjs/lib/elk-api.js";
import workerUrl from "elkjs/lib/elk-worker.min.js?url";
import { BOX, GAP, type Picture } from "./graph";

export type Direction = "RIGHT" | "DOWN";

/** Which way the run flows so that its boxes are largest on a canvas of this size. */
export function direction(drawn: Picture, width: number, height: number): Direction {
  const { depth, widest } = extent(drawn);
  const scaled = (w: number, h: number) => Math.min(width / w, height / h, 1);
  const across = widest * (BOX.width + GAP.across);
  const right = scaled(depth * (BOX.width + GAP.along), widest * (BOX.height + GAP.across));
  return scaled(across, depth * (BOX.height + GAP.along)) > right ? "DOWN" : "RIGHT";
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

/** Made with the first look at this module: its worker is large, and loads while the nodes do. */
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
