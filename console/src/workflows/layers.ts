/**
 * Where thousands of boxes stand: layers by the longest path, ordered by their neighbours, a layer that is too wide
 * broken into columns. Linear but for the sorting; it runs in `layers.worker`. Pure.
 */

import { BOX, GAP } from "./graph";

const SWEEPS = 3;

/** `edges`: pairs of indices. Answers x and y by turns, of the upper left corners; the run flows to the right. */
export function layered(count: number, edges: Int32Array): Float32Array {
  const graph = linked(count, edges);
  const layer = longest(count, graph);
  const rows = inLayers(layer);
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    order(rows, sweep % 2 === 0 ? graph.before : graph.after, count, sweep % 2 === 1);
  }
  return placed(rows, count);
}

interface Linked {
  before: number[][];
  after: number[][];
}

function linked(count: number, edges: Int32Array): Linked {
  const before: number[][] = Array.from({ length: count }, () => []);
  const after: number[][] = Array.from({ length: count }, () => []);
  for (let i = 0; i + 1 < edges.length; i += 2) {
    const from = edges[i] ?? 0;
    const to = edges[i + 1] ?? 0;
    before[to]?.push(from);
    after[from]?.push(to);
  }
  return { before, after };
}

function longest(count: number, { before, after }: Linked): Int32Array {
  const layer = new Int32Array(count);
  const open = before.map((found) => found.length);
  const ready: number[] = [];
  for (let i = 0; i < count; i++) if (open[i] === 0) ready.push(i);
  for (let at = 0; at < ready.length; at++) {
    const one = ready[at] ?? 0;
    for (const next of after[one] ?? []) {
      layer[next] = Math.max(layer[next] ?? 0, (layer[one] ?? 0) + 1);
      open[next] = (open[next] ?? 0) - 1;
      if (open[next] === 0) ready.push(next);
    }
  }
  return layer;
}

function inLayers(layer: Int32Array): number[][] {
  const rows: number[][] = [];
  layer.forEach((at, i) => {
    let row = rows[at];
    if (!row) {
      row = [];
      rows[at] = row;
    }
    row.push(i);
  });
  return rows.map((row) => row ?? []);
}

/** Each layer sorted by where its neighbours stand on the side already sorted. */
function order(rows: number[][], neighbours: number[][], count: number, backwards: boolean): void {
  const rank = new Float32Array(count);
  const walk = backwards ? rows.toReversed() : rows;
  for (const row of walk) {
    const wish = new Map(row.map((one, i) => [one, mean(neighbours[one] ?? [], rank, i / Math.max(1, row.length))]));
    row.sort((a, b) => (wish.get(a) ?? 0) - (wish.get(b) ?? 0) || a - b);
    row.forEach((one, i) => {
      rank[one] = (i + 0.5) / row.length;
    });
  }
}

function mean(found: number[], rank: Float32Array, otherwise: number): number {
  if (!found.length) return otherwise;
  let sum = 0;
  for (const one of found) sum += rank[one] ?? 0;
  return sum / found.length;
}

function placed(rows: number[][], count: number): Float32Array {
  const tall = Math.max(24, Math.ceil(Math.sqrt(count * 2)));
  const places = new Float32Array(count * 2);
  let x = 0;
  for (const row of rows) {
    const columns = Math.max(1, Math.ceil(row.length / tall));
    const height = Math.ceil(row.length / columns);
    row.forEach((one, i) => {
      const column = Math.floor(i / height);
      const inColumn = Math.min(height, row.length - column * height);
      places[2 * one] = x + column * (BOX.width + GAP.across);
      places[2 * one + 1] = ((i % height) - inColumn / 2) * (BOX.height + GAP.across);
    });
    x += columns * (BOX.width + GAP.across) + GAP.along;
  }
  return places;
}
