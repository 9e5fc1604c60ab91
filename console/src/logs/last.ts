/** The last lines of a container that ended, for who asks why. */

import { useQuery } from "@tanstack/react-query";
import { request } from "../api/kube";

export function useLastLines(namespace: string, pod: string, container: string, lines = 6): string {
  const { data } = useQuery({
    queryKey: ["last-lines", namespace, pod, container],
    queryFn: async ({ signal }) => {
      const query = new URLSearchParams({ ...(container ? { container } : {}), tailLines: String(lines) });
      return (await request(`/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(pod)}/log?${query}`, { signal })).text();
    },
    enabled: pod !== "",
    retry: false,
    staleTime: Number.POSITIVE_INFINITY,
  });
  return data?.trimEnd() ?? "";
}
