/**
 * Places of a few hundred boxes at once, on the page's own thread: layers by the longest path, ordered by their
 * neighbours, each box as near to the middle of its neighbours as the order allows. What passes a layer gets a place
 * of its own there, so that its line does not run behind a box. Pure, and the same for the same picture.
 */

/** Boxes, and after them the places where edges pass through a layer, by their numbers. */
interface Mesh {
  layers: number[][];
  before: number[][];
  after: number[][];
}

export interface Seat {
  layer: number;
  /** Across the layers, in the unit of `space`, from 0. */
  across: number;
}

const SWEEPS = 4;

/** `edges` are pairs of indices; what lies on a circle keeps layer 0. */
export function seats(count: number, edges: readonly (readonly [number, number])[], space: number): Seat[] {
  const layer = longest(count, edges);
  const mesh = meshed(count, edges, layer);
  for (let sweep = 0; sweep < SWEEPS; sweep++) sort(mesh, sweep % 2 === 1);
  const across = new Float64Array(mesh.before.length);
  for (const row of mesh.layers)
    for (const [i, one] of row.entries()) across[one] = (i - (row.length - 1) / 2) * space;
  for (let sweep = 0; sweep < SWEEPS * 2; sweep++) settle(mesh, across, sweep % 2 === 1, space);
  const least = Math.min(...across.subarray(0, count));
  return Array.from({ length: count }, (_, i) => ({ layer: layer[i] ?? 0, across: (across[i] ?? 0) - least }));
}

function longest(count: number, edges: readonly (readonly [number, number])[]): number[] {
  const layer = Array.from({ length: count }, () => 0);
  const open = Array.from({ length: count }, () => 0);
  for (const [, to] of edges) open[to] = (open[to] ?? 0) + 1;
  const ready = open.flatMap((waits, i) => (waits ? [] : [i]));
  for (let at = 0; at < ready.length; at++)
    for (const [from, to] of edges) {
      if (from !== ready[at]) continue;
      layer[to] = Math.max(layer[to] ?? 0, (layer[from] ?? 0) + 1);
      open[to] = (open[to] ?? 0) - 1;
      if (open[to] === 0) ready.push(to);
    }
  return layer;
}

function meshed(count: number, edges: readonly (readonly [number, number])[], layer: number[]): Mesh {
  const mesh: Mesh = { layers: [], before: [], after: [] };
  const add = (at: number): number => {
    mesh.before.push([]);
    mesh.after.push([]);
    const one = mesh.before.length - 1;
    const row = mesh.layers[at];
    if (row) row.push(one);
    else mesh.layers[at] = [one];
    return one;
  };
  const link = (from: number, to: number) => {
    mesh.after[from]?.push(to);
    mesh.before[to]?.push(from);
  };
  for (let i = 0; i < count; i++) add(layer[i] ?? 0);
  for (const [from, to] of edges) {
    let last = from;
    for (let at = (layer[from] ?? 0) + 1; at < (layer[to] ?? 0); at++) {
      const bend = add(at);
      link(last, bend);
      last = bend;
    }
    link(last, to);
  }
  return mesh;
}

/** Each layer by where its neighbours stand in the layer already sorted; what has none there keeps its place. */
function sort({ layers, before, after }: Mesh, backwards: boolean): void {
  const rank = new Map<number, number>();
  for (const row of backwards ? layers.toReversed() : layers) {
    const wish = new Map(row.map((one, i) => [one, mean(((backwards ? after : before)[one] ?? []).map((n) => rank.get(n) ?? 0)) ?? (i + 0.5) / row.length]));
    row.sort((a, b) => (wish.get(a) ?? 0) - (wish.get(b) ?? 0));
    for (const [i, one] of row.entries()) rank.set(one, (i + 0.5) / row.length);
  }
}

/** Each box to the middle of its neighbours on one side, as far as the others of its layer leave room. */
function settle({ layers, before, after }: Mesh, across: Float64Array, backwards: boolean, space: number): void {
  for (const row of backwards ? layers.toReversed() : layers) {
    const wish = row.map((one) => mean(((backwards ? after : before)[one] ?? []).map((n) => across[n] ?? 0)) ?? across[one] ?? 0);
    for (const [i, place] of spread(wish, space).entries()) across[row[i] ?? 0] = place;
  }
}

/** The places nearest to the wishes that keep the order and a space between (pooling of adjacent violators). */
export function spread(wishes: number[], space: number): number[] {
  const pools: { sum: number; size: number }[] = [];
  wishes.forEach((wish, i) => {
    pools.push({ sum: wish - i * space, size: 1 });
    for (let [a, b] = pools.slice(-2); a && b && a.sum / a.size > b.sum / b.size; [a, b] = pools.slice(-2))
      pools.splice(-2, 2, { sum: a.sum + b.sum, size: a.size + b.size });
  });
  const found = pools.flatMap(({ sum, size }) => Array.from({ length: size }, () => sum / size));
  return found.map((place, i) => place + i * space);
}

function mean(values: number[]): number | undefined {
  return values.length ? values.reduce((sum, value) => sum + value, 0) / values.length : undefined;
}
