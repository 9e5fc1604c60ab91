/** The parts of a workflow that are drawn, as they stand in Argo's kinds, and where. */

import type { Path } from "../../model";
import { list, obj } from "../../ports/read";

export type Obj = Record<string, unknown>;

export const KINDS = ["Workflow", "WorkflowTemplate", "ClusterWorkflowTemplate", "CronWorkflow"] as const;

export function specPath(document: Obj): Path {
  return document.kind === "CronWorkflow" ? ["spec", "workflowSpec"] : ["spec"];
}

export function specOf(document: Obj): Obj {
  return obj(specPath(document).reduce<unknown>((at, key) => obj(at)[key], document));
}

export interface TemplateAt {
  raw: Obj;
  path: Path;
}

export function templates(document: Obj): TemplateAt[] {
  const base = [...specPath(document), "templates"];
  return list(specOf(document).templates).map((raw, i) => ({ raw, path: [...base, i] }));
}

export function template(document: Obj, name: string): TemplateAt | undefined {
  return templates(document).find(({ raw }) => raw.name === name);
}

export type Shape = "dag" | "steps" | "leaf";

export function shape(raw: Obj): Shape {
  if ("dag" in raw) return "dag";
  return "steps" in raw ? "steps" : "leaf";
}

export interface Call {
  raw: Obj;
  name: string;
  path: Path;
  /** Of steps: which group. */
  group: number;
}

/** Tasks of a dag or steps; steps of one group run at once, one group after the other. */
export function calls({ raw, path }: TemplateAt): Call[] {
  if ("dag" in raw)
    return list(obj(raw.dag).tasks).map((each, i) => ({ raw: each, name: String(each.name), path: [...path, "dag", "tasks", i], group: 0 }));
  const groups = Array.isArray(raw.steps) ? (raw.steps as unknown[]) : [];
  return groups.flatMap((group, at) =>
    list(group).map((each, i) => ({ raw: each, name: String(each.name), path: [...path, "steps", at, i], group: at })),
  );
}

/** What a template is made of, in a word. */
export function kindOf(raw: Obj): string {
  const known = ["dag", "steps", "script", "container", "containerSet", "suspend", "resource", "http", "data", "plugin"];
  return known.find((key) => key in raw) ?? "template";
}

/** Where the drawing begins. */
export function entry(document: Obj): string {
  const all = templates(document);
  const said = specOf(document).entrypoint;
  if (typeof said === "string" && all.some(({ raw }) => raw.name === said)) return said;
  const drawn = all.find(({ raw }) => shape(raw) !== "leaf") ?? all[0];
  return String(drawn?.raw.name ?? said ?? "main");
}
