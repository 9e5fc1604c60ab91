/** The artifacts of a run, read from its Workflow's nodes: who made each, who used it, where its bytes lie. Pure. */

import type { NodeStatus } from "../api/types";
import type { Artifact } from "./kfp";
import type { Json } from "./spec";

export interface Thing extends Artifact {
  /** The task's name and its node; without a Workflow, nothing is known of them. */
  by?: { id: string; name: string };
  usedBy: { id: string; name: string }[];
  /** Where it can be looked at and fetched; undefined: it lies elsewhere. */
  view?: string;
  download?: string;
}

export interface Place {
  namespace: string;
  /** The Workflow's name, or its uid when it comes from the archive. */
  id: string;
  archived: boolean;
}

interface Told {
  name: string;
  uri: string;
  type?: { schemaTitle?: string };
  metadata?: Record<string, Json>;
}

const KINDS: Record<string, string> = { Metrics: "Metric", ClassificationMetrics: "ClassificationMetric", SlicedClassificationMetrics: "SlicedClassificationMetric" };

export function things(nodes: Map<string, NodeStatus>, place: Place): Thing[] {
  const found = new Map<string, Thing>();
  for (const node of nodes.values())
    for (const one of tellings(node.outputs?.parameters)) {
      const before = found.get(one.uri);
      if (!before || (node.type === "Pod" && nodes.get(before.by?.id ?? "")?.type !== "Pod")) found.set(one.uri, thing(one, node, place));
    }
  for (const node of nodes.values())
    if (node.type === "Pod") for (const one of tellings(node.inputs?.parameters)) found.get(one.uri)?.usedBy.push({ id: node.id, name: node.displayName });
  return [...found.values()];
}

/** Of one task, in the order of its outputs. */
export function madeBy(all: Thing[], node: NodeStatus): Thing[] {
  const own = new Set(tellings(node.outputs?.parameters).map((one) => one.uri));
  return all.filter((one) => own.has(one.uri ?? ""));
}

export function usedBy(all: Thing[], node: NodeStatus): Thing[] {
  const own = new Set(tellings(node.inputs?.parameters).map((one) => one.uri));
  return all.filter((one) => own.has(one.uri ?? ""));
}

function tellings(parameters: { name: string; value?: unknown }[] | undefined): Told[] {
  return (parameters ?? []).flatMap(({ value }) => told(value));
}

/** A parameter that carries artifacts holds a list of them as JSON; loops hold lists of lists. */
export function told(value: unknown): Told[] {
  if (typeof value !== "string" || !value.includes('"uri"')) return [];
  try {
    return flat(JSON.parse(value) as unknown);
  } catch {
    return [];
  }
}

function flat(value: unknown): Told[] {
  if (Array.isArray(value)) return value.flatMap(flat);
  const one = value as Partial<Told> | null;
  return one && typeof one === "object" && typeof one.uri === "string" && one.type ? [{ ...one, uri: one.uri, name: one.name ?? "" }] : [];
}

function thing({ name, uri, type, metadata }: Told, node: NodeStatus, place: Place): Thing {
  const title = (type?.schemaTitle ?? "").replace(/^system\./, "");
  return {
    artifact_id: uri, name, uri, metadata: metadata ?? {}, usedBy: [],
    type: KINDS[title] ?? (title || "Artifact"),
    by: { id: node.id, name: node.displayName },
    ...paths(uri, node, place),
  };
}

/** What a task leaves lies below the one folder that its pod hands over: `root`. */
function paths(uri: string, node: NodeStatus, place: Place): { view?: string; download?: string } {
  const key = node.outputs?.artifacts?.find((a) => a.name === "root")?.s3?.key;
  const at = key ? uri.indexOf(`${key}/`) : -1;
  if (!key || at < 0) return {};
  const tail = uri.slice(at + key.length + 1).split("/").map(encodeURIComponent).join("/");
  const [namespace, id, step] = [place.namespace, place.id, node.id].map(encodeURIComponent);
  const view = `/artifact-files/${namespace}/${place.archived ? "archived-workflows" : "workflows"}/${id}/${step}/outputs/root/${tail}`;
  return { view, download: view };
}
