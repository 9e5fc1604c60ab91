/** Where the boxes of a run of ordinary size stand. */

import { BOX, GAP, type Picture } from "./graph";
import { seats } from "./rows";

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

/** At once, and without a worker: a graph is seen with the page's first picture. */
export function place(drawn: Picture, towards: Direction): Map<string, { x: number; y: number }> {
  const index = new Map(drawn.boxes.map((box, i) => [box.id, i]));
  const edges = drawn.edges.map(({ from, to }) => [index.get(from) ?? 0, index.get(to) ?? 0] as const);
  const right = towards === "RIGHT";
  const along = GAP.along + (right ? BOX.width : BOX.height);
  const found = seats(drawn.boxes.length, edges, GAP.across + (right ? BOX.height : BOX.width));
  return new Map(
    drawn.boxes.map(({ id }, i) => {
      const { layer, across } = found[i] ?? { layer: 0, across: 0 };
      return [id, right ? { x: layer * along, y: across } : { x: across, y: layer * along }];
    }),
  );
}
