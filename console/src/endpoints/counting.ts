/** The gateway's counters, asked every two seconds while somebody looks; what was seen is kept for the next page. */

import { useQuery } from "@tanstack/react-query";
import { type KubeError, get } from "../api/kube";
import * as paths from "../api/paths";
import { type Counted, type CountedGraph, type Sample, type Tally, graphSample, kept, sample } from "./statistics";

const EVERY = 2000;
const seen = new Map<string, Sample[]>();
const seenGraphs = new Map<string, Sample<Tally>[]>();

interface Told {
  byName: Map<string, Counted>;
  graphs: Map<string, CountedGraph>;
}

export interface Counts extends Told {
  error: KubeError | null;
  loaded: boolean;
}

const NONE: Told = { byName: new Map(), graphs: new Map() };

/** Of all endpoints of a namespace. On a real cluster nobody answers this: then `error.code` is 404. */
export function useCounts(namespace: string, enabled = true): Counts {
  const { data, error } = useQuery<Told, KubeError>({
    queryKey: ["endpoints", namespace],
    queryFn: async ({ signal }) => {
      const { items, graphs = [] } = await get<{ items: Counted[]; graphs?: CountedGraph[] }>(paths.endpoints(namespace), signal);
      const at = Date.now();
      for (const one of items) remember(seen, one, sample(one, at));
      for (const one of graphs) remember(seenGraphs, one, graphSample(one, at));
      return { byName: named(items), graphs: named(graphs) };
    },
    refetchInterval: EVERY,
    retry: false,
    enabled,
  });
  return { ...(data ?? NONE), error, loaded: data !== undefined || error !== null };
}

function named<T extends { name: string }>(all: readonly T[]): Map<string, T> {
  return new Map(all.map((one) => [one.name, one]));
}

function remember<T extends Tally>(where: Map<string, Sample<T>[]>, one: { namespace: string; name: string }, next: Sample<T>): void {
  const key = `${one.namespace}/${one.name}`;
  where.set(key, kept(where.get(key) ?? [], next));
}

export function samples(namespace: string, name: string): Sample[] {
  return seen.get(`${namespace}/${name}`) ?? [];
}

export function graphSamples(namespace: string, name: string): Sample<Tally>[] {
  return seenGraphs.get(`${namespace}/${name}`) ?? [];
}
