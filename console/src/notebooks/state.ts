/** What a notebook is and does, in the words of upstream's list. */

import type { Tone } from "../ui/Mark";
import { type Container, LAST_ACTIVITY, type NotebookObject, OF_NOTEBOOK, SERVER_TYPE, STOPPED } from "./kinds";

export interface State {
  phase: "Ready" | "Waiting" | "Warning" | "Stopped" | "Terminating";
  tone: Tone;
  /** Why, if it is not ready. */
  says: string;
}

export function state(notebook: NotebookObject): State {
  if (notebook.metadata.deletionTimestamp) return { phase: "Terminating", tone: "quiet", says: "being deleted" };
  if (stopped(notebook)) return { phase: "Stopped", tone: "quiet", says: "" };
  const { readyReplicas = 0, containerState, conditions = [] } = notebook.status ?? {};
  if (readyReplicas > 0) return { phase: "Ready", tone: "good", says: "" };
  const trouble = containerState?.terminated ?? containerState?.waiting;
  if (trouble?.reason && trouble.reason !== "PodInitializing" && trouble.reason !== "ContainerCreating")
    return { phase: "Warning", tone: "bad", says: trouble.message || trouble.reason };
  const refused = conditions.find((c) => c.type === "PodScheduled" && c.status === "False");
  if (refused) return { phase: "Warning", tone: "ask", says: refused.message || refused.reason || "no place for it" };
  return { phase: "Waiting", tone: "busy", says: "starting" };
}

export function stopped(notebook: NotebookObject): boolean {
  return notebook.metadata.annotations?.[STOPPED] !== undefined;
}

export function main(notebook: NotebookObject): Container | undefined {
  const containers = notebook.spec.template.spec.containers;
  return containers.find((each) => each.name === notebook.metadata.name) ?? containers[0];
}

const TYPES: Record<string, string> = { jupyter: "JupyterLab", "group-one": "VS Code", "group-two": "RStudio" };

export function typeOf(notebook: NotebookObject): string {
  const told = notebook.metadata.annotations?.[SERVER_TYPE] ?? "";
  return TYPES[told] ?? TYPES[guess(main(notebook)?.image ?? "")] ?? "Notebook";
}

function guess(image: string): string {
  if (/codeserver|vscode/.test(image)) return "group-one";
  return /rstudio/.test(image) ? "group-two" : /jupyter|notebook/.test(image) ? "jupyter" : "";
}

/** An image without its registry: `jupyter-scipy:v1.10.0`. */
export function shortImage(image: string): string {
  return image.replace(/@sha256:.*/, "").split("/").at(-1) ?? image;
}

export function asked(notebook: NotebookObject, name: "cpu" | "memory"): string {
  const { requests = {}, limits = {} } = main(notebook)?.resources ?? {};
  return requests[name] ?? limits[name] ?? "";
}

/** Devices by the name of their resource. */
export function devices(notebook: NotebookObject): [name: string, amount: string][] {
  const limits = { ...main(notebook)?.resources?.requests, ...main(notebook)?.resources?.limits };
  return Object.entries(limits).filter(([name]) => name.includes("/"));
}

export interface Mounted {
  claim: string;
  path: string;
}

export function claims(notebook: NotebookObject): Mounted[] {
  const mounts = main(notebook)?.volumeMounts ?? [];
  return (notebook.spec.template.spec.volumes ?? []).flatMap(({ name, persistentVolumeClaim }) =>
    persistentVolumeClaim
      ? [{ claim: persistentVolumeClaim.claimName, path: mounts.find((m) => m.name === name)?.mountPath ?? "" }]
      : [],
  );
}

export function lastActivity(notebook: NotebookObject): string | undefined {
  const at = notebook.metadata.annotations?.[LAST_ACTIVITY];
  return at && !Number.isNaN(Date.parse(at)) ? at : undefined;
}

interface Using {
  metadata: { name: string; labels?: Record<string, string> };
  spec: { volumes?: { persistentVolumeClaim?: { claimName: string } }[] };
}

/** Pods that mount a claim, but for the notebook's own. */
export function users(pods: Using[], claim: string, notebook: string): string[] {
  return pods
    .filter((pod) => pod.metadata.labels?.[OF_NOTEBOOK] !== notebook && pod.spec.volumes?.some((v) => v.persistentVolumeClaim?.claimName === claim))
    .map((pod) => pod.metadata.name);
}
