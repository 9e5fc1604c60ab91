/** The gateway's counters, asked every two seconds while somebody looks; what was seen is kept for the next page. */

import { useQuery } from "@tanstack/react-query";
import { type KubeError, get } from "../api/kube";
import * as paths from "../api/paths";
import { type Counted, type Sample, kept, sample } from "./statistics";

const EVERY = 2000;
const seen = new Map<string, Sample[]>();

export interface Counts {
  byName: Map<string, Counted>;
  error: KubeError | null;
  loaded: boolean;
}

const NONE: Map<string, Counted> = new Map();

/** Of all endpoints of a namespace. On a real cluster nobody answers this: then `error.code` is 404. */
export function useCounts(namespace: string): Counts {
  const { data, error } = useQuery<Map<string, Counted>, KubeError>({
    queryKey: ["endpoints", namespace],
    queryFn: async ({ signal }) => {
      const { items } = await get<{ items: Counted[] }>(paths.endpoints(namespace), signal);
      const at = Date.now();
      for (const one of items) remember(one, at);
      return new Map(items.map((one) => [one.name, one]));
    },
    refetchInterval: EVERY,
    retry: false,
  });
  return { byName: data ?? NONE, error, loaded: data !== undefined || error !== null };
}

function remember(one: Counted, at: number): void {
  const key = `${one.namespace}/${one.name}`;
  seen.set(key, kept(seen.get(key) ?? [], sample(one, at)));
}

export function samples(namespace: string, name: string): Sample[] {
  return seen.get(`${namespace}/${name}`) ?? [];
}
