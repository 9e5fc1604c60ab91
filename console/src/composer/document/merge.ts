/**
 * A change brought into a text that is set differently: line by line, so that what nobody touched stays to the letter.
 *
 * `before` and `after` are one text before and after a change, as a printer sets them; `original` says the same as
 * `before` in somebody's own hand.
 */

type Hunk = { from: number; to: number; lines: string[] };

/** null: the change falls where the two hands differ, and cannot be told apart. */
export function carried(original: string, before: string, after: string): string | null {
  if (original === before) return after;
  const base = before.split("\n");
  const theirs = hunks(base, after.split("\n"));
  const own = hunks(base, original.split("\n"));
  if (!theirs || !own) return null;
  const found: string[] = [];
  let at = 0;
  const all = [...own.map((each) => ({ ...each, mine: true })), ...theirs.map((each) => ({ ...each, mine: false }))].sort((a, b) => a.from - b.from || a.to - b.to);
  for (const [i, hunk] of all.entries()) {
    const next = all[i + 1];
    if (next && next.mine !== hunk.mine && (next.from < hunk.to || (next.from === hunk.from && next.to === hunk.to))) return null;
    if (hunk.from < at) return null;
    found.push(...base.slice(at, hunk.from), ...hunk.lines);
    at = hunk.to;
  }
  return [...found, ...base.slice(at)].join("\n");
}

/** What of `a` is replaced to get `b`; null when they have too little in common to be worth it. */
function hunks(a: string[], b: string[]): Hunk[] | null {
  const pairs = common(a, b);
  if (!pairs) return null;
  const found: Hunk[] = [];
  let [i, j] = [0, 0];
  for (const [x, y] of [...pairs, [a.length, b.length] as const]) {
    if (x > i || y > j) found.push({ from: i, to: x, lines: b.slice(j, y) });
    [i, j] = [x + 1, y + 1];
  }
  return found;
}

const MOST = 2500;

/** The longest common lines (Myers' greedy way), as pairs of indices. */
function common(a: string[], b: string[]): [number, number][] | null {
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
  const middle = shortest(a.slice(start, a.length - end), b.slice(start, b.length - end));
  if (!middle) return null;
  const first = Array.from({ length: start }, (_, i): [number, number] => [i, i]);
  const last = Array.from({ length: end }, (_, i): [number, number] => [a.length - end + i, b.length - end + i]);
  return [...first, ...middle.map(([x, y]): [number, number] => [x + start, y + start]), ...last];
}

/** How far along `a` each diagonal (its distance from that of `b`) has come. */
type Reach = ReadonlyMap<number, number>;

/** Whether diagonal `k` is come to from above (a line of `b` is new) rather than from the left (one of `a` is gone). */
function fromAbove(reach: Reach, k: number, d: number): boolean {
  return k === -d || (k !== d && (reach.get(k - 1) ?? 0) < (reach.get(k + 1) ?? 0));
}

function shortest(a: string[], b: string[]): [number, number][] | null {
  const furthest = new Map<number, number>([[1, 0]]);
  const trace: Reach[] = [];
  for (let d = 0; d <= Math.min(a.length + b.length, MOST); d++) {
    trace.push(new Map(furthest));
    for (let k = -d; k <= d; k += 2) {
      const x = slid(a, b, fromAbove(furthest, k, d) ? (furthest.get(k + 1) ?? 0) : (furthest.get(k - 1) ?? 0) + 1, k);
      furthest.set(k, x);
      if (x >= a.length && x - k >= b.length) return walked(trace, a.length, b.length);
    }
  }
  return null;
}

/** Along the diagonal as long as the lines are the same. */
function slid(a: string[], b: string[], from: number, k: number): number {
  let x = from;
  while (x < a.length && x - k < b.length && a[x] === b[x - k]) x++;
  return x;
}

/** The way back from the end: what was slid over is common. */
function walked(trace: readonly Reach[], length: number, other: number): [number, number][] {
  const pairs: [number, number][] = [];
  let [x, y] = [length, other];
  for (const [d, reach] of [...trace.entries()].reverse()) {
    const k = x - y;
    const down = fromAbove(reach, k, d);
    const before = d === 0 ? 0 : (reach.get(down ? k + 1 : k - 1) ?? 0);
    const start = d === 0 || down ? before : before + 1;
    while (x > start) pairs.push([--x, --y]);
    [x, y] = [before, before - (down ? k + 1 : k - 1)];
  }
  return pairs.reverse();
}
