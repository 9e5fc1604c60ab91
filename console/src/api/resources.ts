/** The kinds that the console speaks of, where each is in the API, and hooks that read them. */

import { useMemo } from "react";
import type { KubeError } from "./kube";
import { useLive } from "./live";
import type { CronWorkflow, KubeObject, Pod, Workflow, WorkflowTemplate } from "./types";

export interface Resource<T extends KubeObject = KubeObject> {
  readonly apiVersion: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
  /** What lists and watches ask besides: a query that servers without it pass over. */
  readonly lean?: string;
  /** For types only: what an object of this kind is. */
  readonly of?: T;
}

export function resource<T extends KubeObject = KubeObject>(
  apiVersion: string,
  plural: string,
  kind: string,
  namespaced = true,
): Resource<T> {
  return { apiVersion, plural, kind, namespaced };
}

const ARGO = "argoproj.io/v1alpha1";

export const NAMESPACE = resource("v1", "namespaces", "Namespace", false);
export const POD = resource<Pod>("v1", "pods", "Pod");
export const EVENT = resource("v1", "events", "Event");
export const SECRET = resource("v1", "secrets", "Secret");
export const CONFIG_MAP = resource("v1", "configmaps", "ConfigMap");
export const CLAIM = resource("v1", "persistentvolumeclaims", "PersistentVolumeClaim");
/** Runs without their nodes, of which a list would hold thousands: those are `workflownodes`. */
export const WORKFLOW: Resource<Workflow> = { ...resource<Workflow>(ARGO, "workflows", "Workflow"), lean: "nodes=false" };
export const WORKFLOW_TEMPLATE = resource<WorkflowTemplate>(ARGO, "workflowtemplates", "WorkflowTemplate");
export const CLUSTER_WORKFLOW_TEMPLATE = resource<WorkflowTemplate>(
  ARGO,
  "clusterworkflowtemplates",
  "ClusterWorkflowTemplate",
  false,
);
export const CRON_WORKFLOW = resource<CronWorkflow>(ARGO, "cronworkflows", "CronWorkflow");
export const INFERENCE_SERVICE = resource("serving.kserve.io/v1beta1", "inferenceservices", "InferenceService");
export const INFERENCE_GRAPH = resource("serving.kserve.io/v1alpha1", "inferencegraphs", "InferenceGraph");

export interface Selection {
  labels?: string;
  fields?: string;
  limit?: number;
}

/** The path of a collection; of all namespaces when `namespace` is empty. */
export function collection(of: Resource, namespace = "", select: Selection = {}): string {
  const base = of.apiVersion.includes("/") ? `/apis/${of.apiVersion}` : `/api/${of.apiVersion}`;
  const place = of.namespaced && namespace ? `/namespaces/${encodeURIComponent(namespace)}` : "";
  const query = new URLSearchParams();
  if (select.labels) query.set("labelSelector", select.labels);
  if (select.fields) query.set("fieldSelector", select.fields);
  if (select.limit) query.set("limit", String(select.limit));
  return `${base}${place}/${of.plural}${query.size ? `?${query}` : ""}`;
}

function leanly(of: Resource, path: string): string {
  return of.lean ? `${path}${path.includes("?") ? "&" : "?"}${of.lean}` : path;
}

/** The path of one object, or of its subresource. */
export function object(of: Resource, namespace: string, name: string, subresource = ""): string {
  return `${collection(of, namespace)}/${encodeURIComponent(name)}${subresource ? `/${subresource}` : ""}`;
}

export interface Many<T> {
  items: T[];
  loaded: boolean;
  error: KubeError | null;
  stale: boolean;
}

/** All objects of a kind, newest first, kept true by a watch. */
export function useMany<T extends KubeObject>(of: Resource<T>, namespace = "", select: Selection = {}): Many<T> {
  const { items, ...state } = useLive<T>(leanly(of, collection(of, namespace, select)));
  const sorted = useMemo(() => [...items.values()].sort(newestFirst), [items]);
  return { items: sorted, ...state };
}

export interface One<T> {
  item: T | undefined;
  loaded: boolean;
  error: KubeError | null;
  stale: boolean;
}

/** Where `useOne` looks. */
export function one(of: Resource, namespace: string, name: string): string {
  return leanly(of, collection(of, namespace, { fields: `metadata.name=${name}` }));
}

/** One object by its name, kept true by a watch; `item` is undefined when there is none. An empty name asks nothing. */
export function useOne<T extends KubeObject>(of: Resource<T>, namespace: string, name: string): One<T> {
  const { items, ...state } = useLive<T>(name ? one(of, namespace, name) : null);
  return { item: [...items.values()][0], ...state };
}

export function newestFirst(a: KubeObject, b: KubeObject): number {
  return (
    b.metadata.creationTimestamp.localeCompare(a.metadata.creationTimestamp) ||
    a.metadata.name.localeCompare(b.metadata.name)
  );
}
