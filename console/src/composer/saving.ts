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
  /** As the server would print it, whatever hand it is written in here. */
  printed: string;
  resourceVersion: string;
  /** Annotations that tools keep for themselves: not shown, not lost. */
  hidden: Record<string, string>;
}

const RESOURCES: readonly Resource[] = [WORKFLOW_TEMPLATE, CLUSTER_WORKFLOW_TEMPLATE, CRON_WORKFLOW, WORKFLOW, INFERENCE_GRAPH];

export function resourceOf(kind: unknown): Resource | undefined {
  return RESOURCES.find((each) => each.kind === kind);
}

/** Who saved it with the composer: managedFields know programs, no people. */
const SAVED_BY = "pinnace.dev/saved-by";
const MANAGER = "pinnace-console";
const HIDDEN = ["kubectl.kubernetes.io/last-applied-configuration", "workflows.argoproj.io/pod-name-format", SAVED_BY];
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
  return { text, printed: text, resourceVersion: item.metadata.resourceVersion, hidden };
}

export interface Author {
  /** A person, or the program where no person is known. */
  who: string;
  /** Whether it was in a console's composer. */
  here: boolean;
  /** RFC 3339. */
  at?: string;
}

interface Managed {
  manager?: string;
  time?: string;
  subresource?: string;
}

/** Who wrote what an object says last; a status is no saying. */
export function authorOf(item: KubeObject): Author {
  const entries = (obj(item.metadata as unknown as Obj).managedFields ?? []) as Managed[];
  const last = entries.filter((each) => !each.subresource).sort((a, b) => (a.time ?? "").localeCompare(b.time ?? "")).at(-1);
  const here = last?.manager === MANAGER;
  const person = here ? item.metadata.annotations?.[SAVED_BY] : undefined;
  return { who: person ?? programOf(last?.manager), here, ...(last?.time ? { at: last.time } : {}) };
}

function programOf(manager: string | undefined): string {
  if (!manager || manager === MANAGER) return "Somebody";
  return `Somebody with ${manager.replace(/^kubectl.*$/, "kubectl")}`;
}

function written(document: Obj, namespaced: boolean, namespace: string, base: Base | null, who: string): Obj {
  const { status: _, ...rest } = document;
  const meta = { ...obj(document.metadata) };
  const annotations = { ...base?.hidden, ...obj(meta.annotations), ...(who ? { [SAVED_BY]: who } : {}) };
  if (namespaced) meta.namespace = namespace;
  if (base) meta.resourceVersion = base.resourceVersion;
  return { ...rest, metadata: { ...meta, ...(Object.keys(annotations).length ? { annotations } : {}) } };
}

/** KubeError 409: somebody else was faster; nothing was written. */
export async function save(document: Obj, namespace: string, base: Base | null, who = ""): Promise<KubeObject> {
  const of = resourceOf(document.kind);
  if (!of) throw new Error(`The composer saves ${RESOURCES.map((each) => each.kind).join(", ")}; this is ${String(document.kind ?? "nothing")}`);
  const name = String(obj(document.metadata).name ?? "");
  const body = written(document, of.namespaced, namespace, base, who);
  const as = `?fieldManager=${MANAGER}`;
  return base ? replace<KubeObject>(object(of, namespace, name) + as, body) : create<KubeObject>(collection(of, namespace) + as, body);
}
