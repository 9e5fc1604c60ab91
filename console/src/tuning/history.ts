/** What one trial reported while it went on. Kept by the platform when it has ended; until then its log tells. */

import { useQuery } from "@tanstack/react-query";
import { type KubeError, get, request } from "../api/kube";
import type { Pod } from "../api/types";
import type { Trial } from "./kinds";
import { ended } from "./results";

export interface Reported {
  metric: string;
  value: string;
  time?: string;
}

const EVERY = 3000;
const LINES = 5000;

export function useHistory(trial: Trial, pod: Pod | undefined) {
  const { name, namespace = "" } = trial.metadata;
  const over = ended(trial);
  const names = metricsOf(trial);
  return useQuery<Reported[], KubeError>({
    queryKey: ["history", namespace, name, over, pod?.metadata.uid],
    queryFn: async ({ signal }) => {
      const kept = over ? await get<{ logs: Reported[] }>(`/pinnace/v1/observations/${encodeURIComponent(name)}`, signal).catch(() => null) : null;
      if (kept?.logs.length || !pod) return kept?.logs ?? [];
      const container = (trial.spec as { primaryContainerName?: string }).primaryContainerName ?? pod.spec.containers[0]?.name ?? "";
      const query = new URLSearchParams({ container, tailLines: String(LINES) });
      const log = await request(`/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(pod.metadata.name)}/log?${query}`, { signal });
      return read(await log.text(), names);
    },
    refetchInterval: over ? false : EVERY,
    placeholderData: (before) => before,
    retry: false,
  });
}

export function metricsOf({ spec: { objective } }: Trial): string[] {
  return [objective?.objectiveMetricName ?? "", ...(objective?.additionalMetricNames ?? [])].filter(Boolean);
}

const REPORT = /([\w|-]+)\s*=\s*([+-]?\d*(?:\.\d+)?(?:[Ee][+-]?\d+)?)/g;

/** As upstream's collector of printed lines reads them: `name=value`. */
export function read(text: string, names: string[]): Reported[] {
  const wanted = new Set(names);
  return [...text.matchAll(REPORT)].flatMap(([, metric = "", value = ""]) => (wanted.has(metric) && value ? [{ metric, value }] : []));
}

export interface Curve {
  name: string;
  points: [step: number, value: number][];
}

/** One curve a metric, by the number of its report. */
export function curves(reported: Reported[], names: string[]): Curve[] {
  return names.map((name) => ({
    name,
    points: reported.filter((one) => one.metric === name && Number.isFinite(Number(one.value))).map(({ value }, i): [number, number] => [i + 1, Number(value)]),
  }));
}
