/** What this server serves: a real cluster may lack a family, and the console says so instead of failing. */

import { useQuery } from "@tanstack/react-query";
import { KubeError, get } from "./kube";
import type { Resource } from "./resources";

interface Discovery {
  resources: { name: string }[];
}

async function plurals(apiVersion: string, signal: AbortSignal): Promise<Set<string>> {
  const path = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  try {
    const found = await get<Discovery>(path, signal);
    return new Set(found.resources.map((r) => r.name));
  } catch (problem) {
    if (problem instanceof KubeError && problem.code === 404) return new Set();
    throw problem;
  }
}

/** undefined until the server has answered. */
export function useServed(of: Resource): boolean | undefined {
  const { data } = useQuery({
    queryKey: ["served", of.apiVersion],
    queryFn: ({ signal }) => plurals(of.apiVersion, signal),
    staleTime: 60_000,
  });
  return data?.has(of.plural);
}
