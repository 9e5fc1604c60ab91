/** What pipelines are made of, on the palette: components that were loaded, those of stored pipelines, and the document's own. */

import type { Component, Ports } from "../../model";
import { obj } from "../../ports/read";
import { sourceOf } from "../yaml";
import { Refused } from "../workflow/parts";
import { platformsBeside } from "./change";
import { type Obj, ROOT, definitions, executorOf, kindOf, sanitized, tasksOf, componentName } from "./ir";
import { type Material, type Whole, material } from "./join";
import { portOf } from "./types";

export const OWN = "In this document";

/** A component as the server reads it (`POST …/authoring/components`). */
export interface Told {
  name: string;
  title?: string;
  description?: string;
  group?: string;
  spec: { component: Obj; executor: Obj | null; platform?: Obj | null; components?: Obj; executors?: Obj };
}

export function shelved(told: Told, group: string, key: string): Component {
  const { component, executor, platform, components, executors } = told.spec;
  const made: Material = {
    name: told.name, component, executor,
    ...(platform ? { platforms: byLabel(platform, component) } : {}),
    ...(components ? { components } : {}),
    ...(executors ? { executors } : {}),
  };
  return made_(made, told.title || told.name, told.description ?? "", told.group || group, key);
}

/** What a platform says of the one executor, as a document says it of many. */
function byLabel(platform: Obj, { executorLabel }: Obj): Obj {
  if (Object.values(platform).some((each) => obj(each).deploymentSpec !== undefined)) return platform;
  return Object.fromEntries(Object.entries(platform).map(([name, config]) => [name, { deploymentSpec: { executors: { [String(executorLabel)]: config } } }]));
}

function made_(from: Material, title: string, description: string, group: string, key: string): Component {
  const icon = from.component.dag !== undefined ? "workflow" : obj(from.executor).importer ? "file-down" : "file-code";
  return { key, title, description, group, icon, ports: portsOf(from.component), fresh: { material: from } };
}

function portsOf(component: Obj): Ports {
  const side = (of: unknown, inward: boolean) => [...definitions(of)].map(([name, definition]) => portOf(name, definition, inward));
  return { inputs: side(component.inputDefinitions, true), outputs: side(component.outputDefinitions, false) };
}

/** A copy: joining changes it. */
export function materialOf({ fresh, title }: Component): Material {
  const found = fresh?.material as Material | undefined;
  if (!found) throw new Refused(`${title} is no component of pipelines`);
  return structuredClone(found);
}

/** Components that a pipeline uses, each once, however many tasks are made of it. */
export function inside({ document, platforms }: Whole, group: string, key: string): Component[] {
  const found = new Map<string, Component>();
  const tasks = [obj(document.root), ...Object.values(obj(document.components)).map(obj)].flatMap(tasksOf);
  for (const [, task] of tasks) {
    const kind = kindOf(document, task);
    if (kind !== "component" && kind !== "importer" && kind !== "pipeline") continue;
    const own = material({ document, platforms }, componentName(task));
    const name = sanitized(calledIn(document, own) ?? own.name.replace(/-\d+$/, ""));
    const same = JSON.stringify([name, own.component.inputDefinitions, own.component.outputDefinitions, bare(own.executor)]);
    if (!found.has(same)) found.set(same, made_({ ...own, name }, name, "", group, `${key}/${own.name}`));
  }
  return [...found.values()];
}

function bare(executor: Obj | null): unknown {
  const { image, command, args } = obj(executor?.container);
  return executor?.container ? { image, command, args } : executor;
}

/** The function that a component runs is its name, whatever number it got. */
function calledIn(document: Obj, { component }: Material): string | undefined {
  const args = obj(executorOf(document, component).container).args;
  const all = Array.isArray(args) ? args.map(String) : [];
  const at = all.indexOf("--function_to_execute");
  return at < 0 ? undefined : all[at + 1];
}

export function own(document: Obj): Component[] {
  const source = sourceOf(document);
  const second = source && platformsBeside(source);
  const platforms = obj((second?.toJS() as Obj | undefined)?.platforms);
  return inside({ document, platforms }, OWN, "own");
}

/** A stored pipeline: itself, to be nested, and what it is made of. */
export function stored(whole: Whole, title: string, key: string): Component[] {
  const name = String(obj(whole.document.pipelineInfo).name ?? title);
  const nested = material(whole, ROOT, sanitized(name));
  return [made_(nested, title, "The whole pipeline, as one step.", title, `${key}/`), ...inside(whole, title, key)];
}
