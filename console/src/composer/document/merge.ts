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

function shortest(a: string[], b: string[]): [number, number][] | null {
  const furthest = new Map<number, number>([[1, 0]]);
  const trace: Map<number, number>[] = [];
  for (let d = 0; d <= Math.min(a.length + b.length, MOST); d++) {
    trace.push(new Map(furthest));
    for (let k = -d; k <= d; k += 2) {
      const down = k === -d || (k !== d && (furthest.get(k - 1) ?? 0) < (furthest.get(k + 1) ?? 0));
      let x = down ? (furthest.get(k + 1) ?? 0) : (furthest.get(k - 1) ?? 0) + 1;
      while (x < a.length && x - k < b.length && a[x] === b[x - k]) x++;
      furthest.set(k, x);
      if (x >= a.length && x - k >= b.length) return walked(trace, a.length, b.length);
    }
  }
  return null;
}

function walked(trace: Map<number, number>[], length: number, other: number): [number, number][] {
  const pairs: [number, number][] = [];
  let [x, y] = [length, other];
  for (let d = trace.length - 1; d >= 0; d--) {
    const v = trace[d] ?? new Map<number, number>();
    const k = x - y;
    const down = k === -d || (k !== d && (v.get(k - 1) ?? 0) < (v.get(k + 1) ?? 0));
    const fromK = down ? k + 1 : k - 1;
    const fromX = d === 0 ? 0 : (v.get(fromK) ?? 0);
    const fromY = fromX - fromK;
    while (x > Math.max(0, fromX) && y > Math.max(0, d === 0 ? 0 : fromY) && (d === 0 || x > (down ? fromX : fromX + 1))) {
      x--;
      y--;
      pairs.push([x, y]);
    }
    [x, y] = [fromX, fromY];
  }
  return pairs.reverse();
}
