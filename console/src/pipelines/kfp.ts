/** Kubeflow Pipelines' REST, v2beta1: what it speaks of and how it is asked. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useMemo } from "react";
import { type KubeError, create, get, remove, request } from "../api/kube";
import { WORKFLOW, useMany } from "../api/resources";
import { type Json, type Made, type PipelineSpec, measures } from "./spec";

export const BASE = "/apis/v2beta1";

export interface Run {
  run_id: string;
  display_name: string;
  description?: string;
  service_account?: string;
  experiment_id?: string;
  recurring_run_id?: string;
  state?: string;
  storage_state?: string;
  created_at: string;
  finished_at?: string;
  error?: { message?: string };
  pipeline_spec?: PipelineSpec;
  pipeline_version_reference?: { pipeline_id?: string; pipeline_version_id?: string };
  runtime_config?: Settings;
  run_details?: { task_details?: Task[] };
}

export interface Settings {
  parameters?: Record<string, Json>;
  pipeline_root?: string;
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

/** Fields of both kinds; times are RFC 3339. */
interface Bounds {
  start_time?: string;
  end_time?: string;
}

export interface Trigger {
  cron_schedule?: Bounds & { cron?: string };
  periodic_schedule?: Bounds & { interval_second?: string };
}

export interface Recurring {
  recurring_run_id: string;
  display_name: string;
  description?: string;
  status: string;
  created_at: string;
  updated_at?: string;
  experiment_id?: string;
  namespace?: string;
  service_account?: string;
  max_concurrency?: string;
  no_catchup?: boolean;
  trigger?: Trigger;
  pipeline_spec?: PipelineSpec;
  pipeline_version_reference?: { pipeline_id?: string; pipeline_version_id?: string };
  runtime_config?: Settings;
}

export interface Experiment {
  experiment_id: string;
  display_name: string;
  description?: string;
  namespace?: string;
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

export interface Which {
  /** Of all namespaces when it is empty. */
  namespace?: string;
  experiment?: string | undefined;
}

function within({ namespace, experiment }: Which): string {
  const query = new URLSearchParams();
  if (namespace) query.set("namespace", namespace);
  if (experiment) query.set("experiment_id", experiment);
  return query.size ? `&${query}` : "";
}

export interface Listing {
  runs?: Run[];
  total_size?: number;
}

export const useRuns = (which: Which = {}) => useAsked<Listing>(`/runs?${NEWEST}${within(which)}`);
export const useRun = (id: string | null) => useAsked<Run>(id && `/runs/${encodeURIComponent(id)}`);
export const usePipelines = () => useAsked<{ pipelines?: Pipeline[] }>(`/pipelines?${NEWEST}`);
export const usePipeline = (id: string) => useAsked<Pipeline>(`/pipelines/${encodeURIComponent(id)}`);
export const useVersions = (id: string | null) =>
  useAsked<{ pipeline_versions?: Version[] }>(id ? `/pipelines/${encodeURIComponent(id)}/versions?${NEWEST}` : null);
export const useRecurringOne = (id: string | null) => useAsked<Recurring>(id && `/recurringruns/${encodeURIComponent(id)}`);
export const useExperiments = (namespace = "") => useAsked<{ experiments?: Experiment[] }>(`/experiments?${NEWEST}${within({ namespace })}`);
export const useExperiment = (id: string) => useAsked<Experiment>(`/experiments/${encodeURIComponent(id)}`);
export const useAllArtifacts = (namespace: string) => useAsked<{ artifacts?: Artifact[] }>(`/artifacts?${NEWEST}${within({ namespace })}`);
export const useExecutions = () => useAsked<{ tasks?: (Task & { run_id?: string })[] }>("/tasks?page_size=200&sort_by=start_time%20desc");

/** Those of a namespace; the server lists all. */
export function useRecurring({ namespace, experiment }: Which) {
  const asked = useAsked<{ recurringRuns?: Recurring[]; recurring_runs?: Recurring[] }>(`/recurringruns?${NEWEST}${within({ experiment })}`);
  const all = asked.data?.recurringRuns ?? asked.data?.recurring_runs;
  return { ...asked, items: all?.filter((r) => !namespace || !r.namespace || r.namespace === namespace) };
}

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

/** A file goes as it is: the server opens archives. */
export type Package = Blob | string;

async function sent<T>(path: string, query: Record<string, string>, what: Package): Promise<T> {
  const form = new FormData();
  const blob = typeof what === "string" ? new Blob([what], { type: "application/yaml" }) : what;
  form.set("uploadfile", blob, what instanceof File ? what.name : "pipeline.yaml");
  const answer = await request(`${BASE}${path}?${new URLSearchParams(query)}`, { method: "POST", body: form });
  return (await answer.json()) as T;
}

export function upload(name: string, description: string, what: Package): Promise<Pipeline> {
  return sent("/pipelines/upload", { name, display_name: name, description }, what);
}

export function uploadVersion(pipeline: string, name: string, description: string, what: Package): Promise<Version> {
  return sent("/pipelines/upload_version", { pipelineid: pipeline, name, display_name: name, description }, what);
}

/** From an address that the server itself fetches. */
export function fetchVersion(pipeline: string, name: string, description: string, url: string): Promise<Version> {
  return post(`/pipelines/${encodeURIComponent(pipeline)}/versions`, { display_name: name, description, package_url: { pipeline_url: url } });
}

export function fetchPipeline(name: string, description: string, url: string): Promise<Pipeline> {
  const pipeline = { display_name: name, description };
  return post("/pipelines/create", { pipeline, pipeline_version: { display_name: name, description, package_url: { pipeline_url: url } } });
}

/** What pipelines and versions that runs are of are called, by their ids. */
export function useNames(runs: Run[]): Map<string, string> {
  const ids = [...new Set(runs.flatMap((r) => r.pipeline_version_reference?.pipeline_id ?? []))].sort();
  const pipelines = usePipelines().data?.pipelines;
  const { data } = useQuery<Version[], KubeError>({
    queryKey: ["kfp", "versions of", ids.join()],
    queryFn: async ({ signal }) => {
      const all = ids.map((id) => get<{ pipeline_versions?: Version[] }>(`${BASE}/pipelines/${id}/versions?${NEWEST}`, signal).catch(() => ({ pipeline_versions: [] })));
      return (await Promise.all(all)).flatMap((one) => one.pipeline_versions ?? []);
    },
    enabled: ids.length > 0,
    placeholderData: (before) => before,
    retry: false,
  });
  return useMemo(
    () => new Map([...(pipelines ?? []).map((p): [string, string] => [p.pipeline_id, p.display_name]), ...(data ?? []).map((v): [string, string] => [v.pipeline_version_id, v.display_name])]),
    [pipelines, data],
  );
}

/** The numbers that runs measured, by run and name; one question for all of them. */
export function useMeasures(runs: Run[], namespace: string) {
  const ids = runs.map((r) => r.run_id).join();
  return useQuery<Map<string, Map<string, number>>, KubeError>({
    queryKey: ["kfp", "measures", ids],
    queryFn: async ({ signal }) => {
      const filter = JSON.stringify({ predicates: [{ key: "type", operation: "EQUALS", string_value: "Metric" }] });
      const where = namespace ? { namespace } : {};
      const { artifacts = [] } = await get<{ artifacts?: Artifact[] }>(`${BASE}/artifacts?${new URLSearchParams({ page_size: "200", filter, ...where })}`, signal);
      if (!artifacts.length) return new Map();
      const query = new URLSearchParams({ page_size: "200", run_ids: ids, artifact_ids: artifacts.map((a) => a.artifact_id).join(), type: "OUTPUT" });
      const { artifact_tasks: made = [] } = await get<{ artifact_tasks?: Made[] }>(`${BASE}/artifact_tasks?${query}`, signal);
      return measures(artifacts, made);
    },
    enabled: runs.length > 0,
    placeholderData: (before) => before,
    retry: false,
  });
}
