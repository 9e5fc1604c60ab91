/** The parts of a PipelineSpec as they stand in the document (upstream: api/v2alpha1/pipeline_spec.proto). */

import type { Path } from "../../model";
import { obj } from "../../ports/read";

export type Obj = Record<string, unknown>;

export const ROOT = "root";
export const CHANNEL = "pipelinechannel--";
export const ALWAYS = "ALL_UPSTREAM_TASKS_COMPLETED";

export type GroupKind = "loop" | "condition" | "branches" | "exit";
export type TaskKind = GroupKind | "pipeline" | "importer" | "component";

/** A component's path: the pipeline itself is one, too. */
export function holderPath(scope: string): Path {
  return scope === ROOT ? [ROOT] : ["components", scope];
}

export function holder(document: Obj, scope: string): Obj {
  return holderPath(scope).reduce<Obj>((at, key) => obj(at[String(key)]), document);
}

export function tasksOf(component: Obj): [string, Obj][] {
  return Object.entries(obj(obj(component.dag).tasks)).map(([key, raw]) => [key, obj(raw)]);
}

export function componentName(task: Obj): string {
  return String(obj(task.componentRef).name ?? "");
}

export function componentOf(document: Obj, task: Obj): Obj {
  return obj(obj(document.components)[componentName(task)]);
}

export function executors(document: Obj): Obj {
  return obj(obj(document.deploymentSpec).executors);
}

export function executorOf(document: Obj, component: Obj): Obj {
  return obj(executors(document)[String(component.executorLabel ?? "")]);
}

export function kindOf(document: Obj, task: Obj): TaskKind {
  const component = componentOf(document, task);
  if (component.dag === undefined) return executorOf(document, component).importer === undefined ? "component" : "importer";
  if (task.parameterIterator || task.artifactIterator) return "loop";
  if (obj(task.triggerPolicy).condition) return "condition";
  const name = componentName(task);
  if (name.startsWith("comp-condition-branches")) return "branches";
  return name.startsWith("comp-exit-handler") ? "exit" : "pipeline";
}

export function isGroup(kind: TaskKind): kind is GroupKind {
  return kind === "loop" || kind === "condition" || kind === "branches" || kind === "exit";
}

export type Side = "parameters" | "artifacts";
export const SIDES: readonly Side[] = ["artifacts", "parameters"];

/** One input or output as its component declares it. */
export interface Definition {
  side: Side;
  raw: Obj;
}

export function definitions(of: unknown): Map<string, Definition> {
  return new Map(SIDES.flatMap((side) => Object.entries(obj(obj(of)[side])).map(([name, raw]): [string, Definition] => [name, { side, raw: obj(raw) }])));
}

/** As the SDK makes names of functions fit for Kubernetes. */
export function sanitized(name: string): string {
  return name
    .toLowerCase()
    .replace(/[^-0-9a-z]+/g, "-")
    .replace(/-+/g, "-")
    .replace(/^-|-$/g, "");
}
