/** Kubeflow Pipelines' REST, v2beta1: what it speaks of and how it is asked. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { type KubeError, create, get, remove, request } from "../api/kube";
import { WORKFLOW, useMany } from "../api/resources";
import type { Json, PipelineSpec } from "./spec";

const BASE = "/apis/v2beta1";

export interface Run {
  run_id: string;
  display_name: string;
  experiment_id?: string;
  recurring_run_id?: string;
  state?: string;
  storage_state?: string;
  created_at: string;
  finished_at?: string;
  error?: { message?: string };
  pipeline_spec?: PipelineSpec;
  pipeline_version_reference?: { pipeline_id?: string; pipeline_version_id?: string };
  runtime_config?: { parameters?: Record<string, Json> };
  run_details?: { task_details?: Task[] };
}

export interface Task {
  task_id: string;
  parent_task_id?: string;
  display_name: string;
  start_time?: string;
  end_time?: string;
  state?: string;
  error?: { message?: string };
  pod_name?: string;
  executor_detail?: { main_job?: string; pre_caching_check_job?: string };
  inputs?: Record<string, { artifact_ids?: string[] }>;
  outputs?: Record<string, { artifact_ids?: string[] }>;
}

export interface Artifact {
  artifact_id: string;
  name: string;
  type: string;
  uri?: string;
  created_at?: string;
  metadata?: Record<string, Json>;
}

export interface Pipeline {
  pipeline_id: string;
  display_name: string;
  description?: string;
  created_at: string;
}

export interface Version {
  pipeline_id: string;
  pipeline_version_id: string;
  display_name: string;
  description?: string;
  created_at: string;
  pipeline_spec?: { pipeline_spec?: PipelineSpec } & PipelineSpec;
}

export interface Recurring {
  recurring_run_id: string;
  display_name: string;
  status: string;
  created_at: string;
  max_concurrency?: string;
  trigger?: { cron_schedule?: { cron?: string }; periodic_schedule?: { interval_second?: string } };
  runtime_config?: { parameters?: Record<string, Json> };
}

export interface Experiment {
  experiment_id: string;
  display_name: string;
  description?: string;
  created_at: string;
  last_run_created_at?: string;
  storage_state?: string;
}

const NEWEST = "page_size=200&sort_by=created_at%20desc";

function useAsked<T>(path: string | null) {
  return useQuery<T, KubeError>({
    queryKey: ["kfp", path],
    queryFn: ({ signal }) => get<T>(`${BASE}${path}`, signal),
    enabled: path !== null,
    retry: false,
  });
}

export const useRuns = () => useAsked<{ runs?: Run[] }>(`/runs?${NEWEST}`);
export const useRun = (id: string) => useAsked<Run>(`/runs/${encodeURIComponent(id)}`);
export const usePipelines = () => useAsked<{ pipelines?: Pipeline[] }>(`/pipelines?${NEWEST}`);
export const usePipeline = (id: string) => useAsked<Pipeline>(`/pipelines/${encodeURIComponent(id)}`);
export const useVersions = (id: string | null) =>
  useAsked<{ pipeline_versions?: Version[] }>(id === null ? null : `/pipelines/${encodeURIComponent(id)}/versions?${NEWEST}`);
export const useRecurring = () => useAsked<{ recurringRuns?: Recurring[]; recurring_runs?: Recurring[] }>(`/recurringruns?${NEWEST}`);
export const useExperiments = () => useAsked<{ experiments?: Experiment[] }>(`/experiments?${NEWEST}`);

/** What a run's tasks left, asked for once all of them are known. */
export function useArtifacts(run: Run | undefined) {
  const ids = [...new Set((run?.run_details?.task_details ?? []).flatMap((t) => Object.values(t.outputs ?? {}).flatMap((o) => o.artifact_ids ?? [])))].sort();
  return useQuery<Artifact[], KubeError>({
    queryKey: ["kfp", "artifacts", run?.run_id, ids.join()],
    queryFn: ({ signal }) => Promise.all(ids.map((id) => get<Artifact>(`${BASE}/artifacts/${id}`, signal))),
    enabled: ids.length > 0,
    retry: false,
  });
}

/** Runs are Workflows: whenever one of them changes, what this API says of them is asked again. */
export function useLiveRuns(): void {
  const { items } = useMany(WORKFLOW, "", { labels: "pipeline/runid" });
  const client = useQueryClient();
  const seen = items.map((w) => w.metadata.resourceVersion).join();
  useEffect(() => {
    if (seen) void client.invalidateQueries({ queryKey: ["kfp"] });
  }, [client, seen]);
}

export const post = <T = unknown>(path: string, body: unknown = {}): Promise<T> => create<T>(`${BASE}${path}`, body);
export const drop = (path: string): Promise<void> => remove(`${BASE}${path}`);

export async function upload(name: string, text: string): Promise<Pipeline> {
  const form = new FormData();
  form.set("uploadfile", new Blob([text], { type: "application/yaml" }), "pipeline.yaml");
  const query = new URLSearchParams({ name, display_name: name });
  const answer = await request(`${BASE}/pipelines/upload?${query}`, { method: "POST", body: form });
  return (await answer.json()) as Pipeline;
}
