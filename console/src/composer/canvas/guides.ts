/** While a box is dragged: lines of other boxes that it comes near draw it to themselves, and are shown. Pure. */

import type { Place } from "../model";
import type { Box } from "./align";

/** A line on the canvas, as long as the two boxes that share it. */
export interface Guide {
  axis: "x" | "y";
  at: number;
  from: number;
  to: number;
}

export interface Guided {
  place: Place;
  guides: Guide[];
}

interface Pull {
  by: number;
  at: number;
  other: Box;
}

export function guided(box: Box, others: readonly Box[], reach: number): Guided {
  const [x, y] = [pull(box, others, "x", "width", reach), pull(box, others, "y", "height", reach)];
  const place = { x: box.x + (x?.by ?? 0), y: box.y + (y?.by ?? 0) };
  const now = { ...box, ...place };
  return { place, guides: [...(x ? [guide(now, x, "x")] : []), ...(y ? [guide(now, y, "y")] : [])] };
}

/** The nearest line of another box, beginning, middle or end, that one of the box's own is close to. */
function pull(box: Box, others: readonly Box[], axis: "x" | "y", size: "width" | "height", reach: number): Pull | null {
  let best: Pull | null = null;
  for (const other of others)
    for (const share of [0, 0.5, 1]) {
      const at = other[axis] + share * other[size];
      const by = at - (box[axis] + share * box[size]);
      if (Math.abs(by) <= reach && (!best || Math.abs(by) < Math.abs(best.by))) best = { by, at, other };
    }
  return best;
}

function guide(box: Box, { at, other }: Pull, axis: "x" | "y"): Guide {
  const [along, length] = axis === "x" ? (["y", "height"] as const) : (["x", "width"] as const);
  return { axis, at, from: Math.min(box[along], other[along]), to: Math.max(box[along] + box[length], other[along] + other[length]) };
}
