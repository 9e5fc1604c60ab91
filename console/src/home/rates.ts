/** Requests a second from two readings of counters. */

import type { Endpoint } from "../api/types";

export interface Reading {
  /** Milliseconds. */
  at: number;
  items: Endpoint[];
}

export type Rates = Map<string, number>;

/** A counter that went back was begun anew: then it counts from nothing. */
export function rates(before: Reading | undefined, now: Reading): Rates {
  if (!before || now.at <= before.at) return new Map();
  const earlier = new Map(before.items.map((item) => [item.name, total(item)]));
  const seconds = (now.at - before.at) / 1000;
  return new Map(
    now.items.map((item) => {
      const [last, first] = [total(item), earlier.get(item.name) ?? total(item)];
      return [item.name, (last >= first ? last - first : last) / seconds];
    }),
  );
}

function total(endpoint: Endpoint): number {
  return endpoint.revisions.reduce((sum, revision) => sum + revision.requests, 0);
}
