/** Runs that are gone, page by page out of Argo's archive. */

import { useQuery } from "@tanstack/react-query";
import { KubeError, get, type Listed } from "../api/kube";
import type { Workflow } from "../api/types";
import type { Query } from "./search";

const PAGE = 50;
const HOURS = { "": 0, "1h": 1, "24h": 24, "7d": 168 } as const;

export interface ArchivePage {
  items: Workflow[];
  loaded: boolean;
  error: KubeError | null;
  /** Where the next page begins. */
  next: string | null;
}

/** `from`: where the page begins, "" is the newest; `query` null asks nothing. */
export function useArchive(namespace: string, query: Query | null, from: string): ArchivePage {
  const path = query ? archivePath(namespace, query, from, Date.now()) : "";
  const { data, error } = useQuery({
    queryKey: ["archive", namespace, query, from],
    queryFn: ({ signal }) => get<Listed<Workflow>>(path, signal),
    enabled: query !== null,
    retry: false,
    placeholderData: (before) => before,
  });
  return {
    items: data?.items ?? [],
    loaded: Boolean(data) || Boolean(error),
    error: error ? KubeError.of(error) : null,
    next: data?.metadata.continue ?? null,
  };
}

export function archivePath(namespace: string, query: Query, from: string, now: number): string {
  const fields = [`metadata.namespace=${namespace}`];
  const hours = HOURS[query.time ?? ""];
  if (hours) fields.push(`spec.startedAt>${new Date(now - hours * 3_600_000).toISOString().slice(0, 19)}Z`);
  const words = new URLSearchParams({ "listOptions.limit": String(PAGE) });
  if (query.q) {
    fields.push(`metadata.name=${query.q.trim()}`);
    words.set("nameFilter", "Contains");
  }
  words.set("listOptions.fieldSelector", fields.join(","));
  const labels = [phases(query), query.template ? `workflows.argoproj.io/workflow-template=${query.template}` : ""];
  if (labels.some(Boolean)) words.set("listOptions.labelSelector", labels.filter(Boolean).join(","));
  if (from) words.set("listOptions.continue", from);
  return `/api/v1/archived-workflows?${words}`;
}

function phases({ state }: Query): string {
  if (state === "Failed") return "workflows.argoproj.io/phase in (Failed,Error)";
  return state ? `workflows.argoproj.io/phase=${state}` : "";
}
