/** The shares of a Splitter: one is moved, the others share the rest as before, all make 100. Pure. */

export function moved(shares: readonly number[], at: number, to: number): number[] {
  const wanted = Math.max(0, Math.min(100, Math.round(to)));
  const rest = 100 - wanted;
  const others = shares.map((share, i) => (i === at ? 0 : Math.max(0, share)));
  const sum = others.reduce((all, share) => all + share, 0);
  const count = shares.length - 1;
  if (count === 0) return [100];
  const exact = others.map((share, i) => (i === at ? wanted : sum ? (share * rest) / sum : rest / count));
  return rounded(exact, at, rest);
}

/** Whole numbers with the same sum: what was cut off most gets what is left over. */
function rounded(exact: readonly number[], fixed: number, rest: number): number[] {
  const made = exact.map(Math.floor);
  const others = exact.map((_, i) => i).filter((i) => i !== fixed);
  let left = rest - others.reduce((sum, i) => sum + (made[i] ?? 0), 0);
  const order = others.toSorted((a, b) => cut(exact[b]) - cut(exact[a]));
  for (const i of order) {
    if (left <= 0) break;
    made[i] = (made[i] ?? 0) + 1;
    left -= 1;
  }
  return made;
}

function cut(share = 0): number {
  return share - Math.floor(share);
}
