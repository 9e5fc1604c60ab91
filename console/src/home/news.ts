/** What Home reads: the unfinished by watches, the failed by their labels first, so that ten thousand old runs cost nothing. */

import { useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useState } from "react";
import { useGroups } from "../api/groups";
import { type Listed, get, request } from "../api/kube";
import { useLives } from "../api/live";
import * as paths from "../api/paths";
import { POD, WORKFLOW, collection, newestFirst, object, resource, useMany } from "../api/resources";
import type { KubeObject } from "../api/types";
import { type WorkflowWithNodes, cause, lastWords, onlyACode } from "./causes";
import { SHOWN, type Shown, page } from "./places";
import { type WithConditions, type Work, owned } from "./work";

const WHOLE = resource<WorkflowWithNodes>(WORKFLOW.apiVersion, WORKFLOW.plural, WORKFLOW.kind);
/** Unlike WORKFLOW with nodes, of which only those at work are asked for: they tell what a run does and waits for. */
const AT_WORK = { ...WHOLE, lean: "nodes=unfinished" };
const COMPLETED = "workflows.argoproj.io/completed";
const PHASE = "workflows.argoproj.io/phase";
const MOST = 5;
const LATELY = 3 * 24 * 3600_000;
const TAIL = 12;

export function recent(at: string): boolean {
  return Date.now() - Date.parse(at) < LATELY;
}

export interface Failure {
  id: string;
  name: string;
  /** The kind's word, or the step's name. */
  where: string;
  message: string;
  /** True: the program's own last words. */
  said: boolean;
  at: string;
  to: string;
  search: Record<string, string>;
}

export function useActive(namespace: string) {
  return useMany(AT_WORK, namespace, { labels: `${COMPLETED}!=true` });
}

export interface Worker {
  shown: Shown;
  item: WithConditions;
  work: Work;
}

/** Jobs, experiments, notebooks, endpoints: of all kinds that this server has. */
export function useWorkers(namespace: string): { workers: Worker[]; loaded: boolean } {
  const groups = useGroups();
  const kinds = useMemo(() => SHOWN.filter((each) => groups?.has(each.of.apiVersion)), [groups]);
  const feeds = useLives<WithConditions>(useMemo(() => kinds.map((each) => collection(each.of, namespace)), [kinds, namespace]));
  return useMemo(() => {
    const workers = feeds.flatMap(({ items }, i) => {
      const shown = kinds[i];
      if (!shown) return [];
      const free = [...items.values()].filter((item) => !owned(item));
      return free.map((item) => ({ shown, item, work: shown.work(item) }));
    });
    return { workers: workers.sort((a, b) => newestFirst(a.item, b.item)), loaded: groups !== undefined && feeds.every((f) => f.loaded) };
  }, [feeds, kinds, groups]);
}

/** The newest failed workflows with their causes. Asked anew whenever an active one changes. */
export function useFailures(namespace: string, active: WorkflowWithNodes[]): { failures: Failure[]; loaded: boolean } {
  const ended = useEnded(active);
  const { data, isPending } = useQuery({
    queryKey: ["failures", namespace, ended],
    queryFn: ({ signal }) => failures(namespace, signal),
    placeholderData: (before) => before,
    staleTime: 10_000,
  });
  return { failures: data ?? [], loaded: !isPending };
}

/** Counts how often one has left the list of the active. */
function useEnded(active: WorkflowWithNodes[]): number {
  const [seen, setSeen] = useState({ names: new Set<string>(), ended: 0 });
  useEffect(() => {
    const names = new Set(active.map((each) => each.metadata.uid));
    setSeen((before) => ({ names, ended: before.ended + ([...before.names].some((each) => !names.has(each)) ? 1 : 0) }));
  }, [active]);
  return seen.ended;
}

const ONLY_METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1, application/json";

async function metadata(path: string, signal: AbortSignal): Promise<KubeObject[]> {
  const answer = await request(path, { headers: { Accept: ONLY_METADATA }, signal });
  return ((await answer.json()) as Listed<KubeObject>).items;
}

async function failures(namespace: string, signal: AbortSignal): Promise<Failure[]> {
  const all = await metadata(collection(WORKFLOW, namespace, { labels: `${PHASE} in (Failed,Error)` }), signal);
  const since = new Date(Date.now() - LATELY).toISOString();
  const newest = all.filter((each) => each.metadata.creationTimestamp > since).sort(newestFirst).slice(0, MOST);
  if (newest.length === 0) return [];
  const names = newest.map((each) => each.metadata.name).join(",");
  const pods = await metadata(collection(POD, namespace, { labels: `workflows.argoproj.io/workflow in (${names})` }), signal);
  const there = new Set(pods.map((pod) => pod.metadata.name));
  return Promise.all(newest.map((each) => explained(namespace, each.metadata.name, there, signal)));
}

async function explained(namespace: string, name: string, pods: Set<string>, signal: AbortSignal): Promise<Failure> {
  const workflow = await get<WorkflowWithNodes>(object(WHOLE, namespace, name), signal);
  const { node, message } = cause(workflow);
  const pod = node?.type === "Pod" ? paths.podName(name, node) : "";
  const said = onlyACode(message) && pods.has(pod) ? await words(namespace, pod, signal) : "";
  return {
    id: workflow.metadata.uid,
    name,
    where: node?.displayName ?? "",
    message: said || message || "It failed without a message.",
    said: said !== "",
    at: workflow.status?.finishedAt ?? workflow.metadata.creationTimestamp,
    to: `/${encodeURIComponent(namespace)}/workflows/${encodeURIComponent(name)}`,
    search: node ? { node: node.id } : {},
  };
}

async function words(namespace: string, pod: string, signal: AbortSignal): Promise<string> {
  try {
    const answer = await request(`${object(POD, namespace, pod, "log")}?container=main&tailLines=${TAIL}`, { signal });
    return lastWords(await answer.text());
  } catch {
    return ""; // the message stays
  }
}

export function failed({ shown, item, work }: Worker): Failure {
  const { name, namespace = "", uid } = item.metadata;
  return {
    id: uid, name, where: shown.word, message: work.says || "It failed without a message.", said: false, at: work.at,
    to: page(shown, namespace, name), search: {},
  };
}
