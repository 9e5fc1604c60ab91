/** From an object of the server to a text that people edit, and back. Pure, save for the calls at the end. */

import { Document } from "yaml";
import { create, replace } from "../api/kube";
import { CLUSTER_WORKFLOW_TEMPLATE, CRON_WORKFLOW, INFERENCE_GRAPH, type Resource, WORKFLOW, WORKFLOW_TEMPLATE, collection, object } from "../api/resources";
import type { KubeObject } from "../api/types";
import { obj } from "./ports/read";

type Obj = Record<string, unknown>;

/** What the document was when it was last the server's. */
export interface Base {
  text: string;
  resourceVersion: string;
  /** Annotations that tools keep for themselves: not shown, not lost. */
  hidden: Record<string, string>;
}

const RESOURCES: readonly Resource[] = [WORKFLOW_TEMPLATE, CLUSTER_WORKFLOW_TEMPLATE, CRON_WORKFLOW, WORKFLOW, INFERENCE_GRAPH];

export function resourceOf(kind: unknown): Resource | undefined {
  return RESOURCES.find((each) => each.kind === kind);
}

const HIDDEN = ["kubectl.kubernetes.io/last-applied-configuration", "workflows.argoproj.io/pod-name-format"];
const BOOKKEEPING = ["uid", "resourceVersion", "creationTimestamp", "generation", "managedFields", "selfLink", "deletionTimestamp", "ownerReferences", "finalizers"];

/** As somebody would have written it. */
export function shown(of: Resource, item: KubeObject): Base {
  const whole = item as unknown as Obj;
  const meta = { ...obj(whole.metadata) };
  for (const key of BOOKKEEPING) delete meta[key];
  const annotations = obj(meta.annotations);
  const hidden = Object.fromEntries(Object.entries(annotations).filter(([key]) => HIDDEN.includes(key))) as Record<string, string>;
  const left = Object.fromEntries(Object.entries(annotations).filter(([key]) => !HIDDEN.includes(key)));
  if (Object.keys(left).length) meta.annotations = left;
  else delete meta.annotations;
  const text = new Document({ apiVersion: of.apiVersion, kind: of.kind, metadata: meta, spec: whole.spec }).toString({ lineWidth: 0 });
  return { text, resourceVersion: item.metadata.resourceVersion, hidden };
}

function written(document: Obj, namespaced: boolean, namespace: string, base: Base | null): Obj {
  const { status: _, ...rest } = document;
  const meta = { ...obj(document.metadata) };
  const annotations = { ...base?.hidden, ...obj(meta.annotations) };
  if (namespaced) meta.namespace = namespace;
  if (base) meta.resourceVersion = base.resourceVersion;
  return { ...rest, metadata: { ...meta, ...(Object.keys(annotations).length ? { annotations } : {}) } };
}

/** KubeError 409: somebody else was faster; nothing was written. */
export async function save(document: Obj, namespace: string, base: Base | null): Promise<KubeObject> {
  const of = resourceOf(document.kind);
  if (!of) throw new Error(`The composer saves ${RESOURCES.map((each) => each.kind).join(", ")}; this is ${String(document.kind ?? "nothing")}`);
  const name = String(obj(document.metadata).name ?? "");
  const body = written(document, of.namespaced, namespace, base);
  return base ? replace<KubeObject>(object(of, namespace, name), body) : create<KubeObject>(collection(of, namespace), body);
}
