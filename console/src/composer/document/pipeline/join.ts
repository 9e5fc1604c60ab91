/**
 * Components brought into a document with all that they need: their executors, what a platform says of these, and of a
 * pipeline its own components. Every task has a component of its own, as upstream's compiler makes it; names that are
 * taken get a number.
 */

import { obj } from "../../ports/read";
import { free } from "../workflow/parts";
import { type Obj, ROOT, componentName, executors, tasksOf } from "./ir";

/** What a task is made of, wherever it comes from. */
export interface Material {
  /** As the component calls itself. */
  name: string;
  component: Obj;
  executor: Obj | null;
  /** By platform: what it says of the executor. */
  platforms?: Obj;
  /** Of a pipeline: what its own tasks refer to. */
  components?: Obj;
  executors?: Obj;
}

/** A document together with what platforms say of its executors. */
export interface Whole {
  document: Obj;
  platforms: Obj;
}

/** Joined under names that are free; returns the component's. The parts are changed, not copied: give what is yours. */
export function joined(whole: Whole, material: Material, wanted: string): string {
  const { document } = whole;
  const labels = new Map<string, string>();
  const names = new Map<string, string>();
  const label = (old: string, spec: unknown, said: Obj) => {
    const now = free(old, [...Object.keys(executors(document)), ...labels.values()]);
    labels.set(old, now);
    addExecutor(whole, now, spec, said);
  };
  for (const [old, spec] of Object.entries(material.executors ?? {})) label(old, spec, platformsOf(material.platforms ?? {}, old));
  const inner = Object.entries(material.components ?? {});
  for (const [old] of inner) names.set(old, free(old, [...Object.keys(obj(document.components)), ...names.values(), ...inner.map(([name]) => name).filter((name) => name !== old)]));
  for (const [old, raw] of inner) addComponent(document, names.get(old) ?? old, relinked(obj(raw), labels, names));
  if (material.executor) {
    const old = String(material.component.executorLabel ?? `exec-${wanted}`);
    label(old, material.executor, obj(material.platforms)[LONE] ? obj(obj(material.platforms)[LONE]) : platformsOf(material.platforms ?? {}, old));
  }
  const name = free(`comp-${wanted}`, Object.keys(obj(document.components)));
  addComponent(document, name, relinked(material.component, labels, names));
  return name;
}

/** Of a component that is alone: what platforms say of it has no executor's name. */
const LONE = "";

function addComponent(document: Obj, name: string, raw: Obj): void {
  document.components = { ...obj(document.components), [name]: raw };
}

function addExecutor({ document, platforms }: Whole, label: string, spec: unknown, said: Obj): void {
  const deployment = obj(document.deploymentSpec);
  document.deploymentSpec = { ...deployment, executors: { ...obj(deployment.executors), [label]: structuredClone(spec) } };
  for (const [platform, config] of Object.entries(said)) {
    const own = obj(platforms[platform]);
    const spec = obj(own.deploymentSpec);
    platforms[platform] = { ...own, deploymentSpec: { ...spec, executors: { ...obj(spec.executors), [label]: structuredClone(config) } } };
  }
}

/** By platform: what it says of one executor. */
export function platformsOf(platforms: Obj, label: string): Obj {
  const found = Object.entries(platforms).map(([platform, each]) => [platform, obj(obj(obj(each).deploymentSpec).executors)[label]] as const);
  return Object.fromEntries(found.filter(([, config]) => config !== undefined));
}

function relinked(raw: Obj, labels: ReadonlyMap<string, string>, names: ReadonlyMap<string, string>): Obj {
  const made = structuredClone(raw);
  const label = made.executorLabel === undefined ? undefined : labels.get(String(made.executorLabel));
  if (label !== undefined) made.executorLabel = label;
  for (const [, task] of tasksOf(made)) {
    const name = names.get(componentName(task));
    if (name !== undefined) task.componentRef = { ...obj(task.componentRef), name };
  }
  return made;
}

/** A component of a document, with everything that it needs. */
export function material({ document, platforms }: Whole, component: string, name = component.replace(/^comp-/, "")): Material {
  const raw = component === ROOT ? obj(document.root) : obj(obj(document.components)[component]);
  const label = String(raw.executorLabel ?? "");
  const executor = label ? obj(executors(document)[label]) : null;
  if (raw.dag === undefined) return { name, component: raw, executor, platforms: chosen(platforms, new Set([label])) };
  const needed = reached(document, component);
  needed.delete(component);
  const components = Object.fromEntries(Object.entries(obj(document.components)).filter(([each]) => needed.has(each)));
  const labels = new Set(Object.values(components).map((each) => String(obj(each).executorLabel ?? "")).filter(Boolean));
  const own = Object.fromEntries(Object.entries(executors(document)).filter(([each]) => labels.has(each)));
  return { name, component: raw, executor: null, components, executors: own, platforms: chosen(platforms, labels) };
}

function chosen(platforms: Obj, labels: ReadonlySet<string>): Obj {
  return Object.fromEntries(
    Object.entries(platforms).flatMap(([platform, each]) => {
      const all = Object.entries(obj(obj(obj(each).deploymentSpec).executors)).filter(([label]) => labels.has(label));
      return all.length ? [[platform, { deploymentSpec: { executors: Object.fromEntries(all) } }]] : [];
    }),
  );
}

/** Every component that `from` comes to, itself first. */
export function reached(document: Obj, from: string): Set<string> {
  const found = new Set([from]);
  const waiting = [from];
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop())
    for (const [, task] of tasksOf(at === ROOT ? obj(document.root) : obj(obj(document.components)[at]))) {
      const name = componentName(task);
      if (name && !found.has(name)) {
        found.add(name);
        waiting.push(name);
      }
    }
  return found;
}

/** Takes away components that were needed and are so no more, their executors, and what platforms say of these. */
export function swept(whole: Whole, before: ReadonlySet<string>): void {
  const { document, platforms } = whole;
  const now = reached(document, ROOT);
  const gone = [...before].filter((name) => !now.has(name));
  if (gone.length === 0) return;
  const labels = gone.map((name) => String(obj(obj(document.components)[name]).executorLabel ?? "")).filter(Boolean);
  document.components = without(obj(document.components), gone);
  const kept = new Set(Object.values(obj(document.components)).map((each) => String(obj(each).executorLabel ?? "")));
  const lost = labels.filter((label) => !kept.has(label));
  document.deploymentSpec = { ...obj(document.deploymentSpec), executors: without(executors(document), lost) };
  for (const [platform, each] of Object.entries(platforms)) {
    const own = obj(each);
    const spec = obj(own.deploymentSpec);
    const left = without(obj(spec.executors), lost);
    const { deploymentSpec: _, ...others } = own;
    if (Object.keys(left).length) platforms[platform] = { ...own, deploymentSpec: { ...spec, executors: left } };
    else if (Object.keys(others).length) platforms[platform] = others;
    else delete platforms[platform];
  }
}

function without(map: Obj, keys: readonly string[]): Obj {
  return Object.fromEntries(Object.entries(map).filter(([key]) => !keys.includes(key)));
}
