/** Boxes in a row: along an edge or a middle, or with equal gaps. Pure. */

import type { Place } from "../model";

export interface Box extends Place {
  width: number;
  height: number;
}

export type Line = "left" | "centre" | "right" | "top" | "middle" | "bottom";
export type How = Line | "across" | "down";

type Boxes = ReadonlyMap<string, Box>;

/** From how many boxes on it means something. */
export function least(how: How): number {
  return how === "across" || how === "down" ? 3 : 2;
}

export function aligned(boxes: Boxes, how: How): Map<string, Place> {
  if (boxes.size < least(how)) return new Map();
  if (how === "across") return spread(boxes, "x", "width");
  if (how === "down") return spread(boxes, "y", "height");
  const at = line([...boxes.values()], how);
  return new Map([...boxes].map(([id, box]) => [id, on(box, how, at)]));
}

function line(all: readonly Box[], how: Line): number {
  const [left, right] = [Math.min(...all.map((b) => b.x)), Math.max(...all.map((b) => b.x + b.width))];
  const [top, bottom] = [Math.min(...all.map((b) => b.y)), Math.max(...all.map((b) => b.y + b.height))];
  return { left, centre: (left + right) / 2, right, top, middle: (top + bottom) / 2, bottom }[how];
}

/** The box with that line of its own at `at`. */
function on({ x, y, width, height }: Box, how: Line, at: number): Place {
  const places: Record<Line, Place> = {
    left: { x: at, y },
    centre: { x: at - width / 2, y },
    right: { x: at - width, y },
    top: { x, y: at },
    middle: { x, y: at - height / 2 },
    bottom: { x, y: at - height },
  };
  return places[how];
}

/** The outermost two stay; the others share what is left between them. */
function spread(boxes: Boxes, axis: "x" | "y", size: "width" | "height"): Map<string, Place> {
  const row = [...boxes].sort(([, a], [, b]) => a[axis] - b[axis]);
  const [first, last] = [row[0]?.[1], row.at(-1)?.[1]];
  if (!first || !last) return new Map();
  const taken = row.reduce((sum, [, box]) => sum + box[size], 0);
  const gap = (last[axis] + last[size] - first[axis] - taken) / (row.length - 1);
  let at = first[axis];
  return new Map(
    row.map(([id, { x, y, [size]: length }]) => {
      const place = axis === "x" ? { x: at, y } : { x, y: at };
      at += length + gap;
      return [id, place];
    }),
  );
}
