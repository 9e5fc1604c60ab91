/** A pipeline's IR as boxes and arrows, one layer at a time; with another version, what came, went and changed. Pure. */

import type { PipelineSpec } from "./spec";

export type Change = "added" | "removed" | "changed" | "same";

export interface Task {
  id: string;
  title: string;
  detail: string;
  /** The layer that it holds: a loop, a condition, a pipeline in the pipeline. */
  opens?: string;
  change: Change;
}

export interface Drawn {
  tasks: Task[];
  arrows: { from: string; to: string }[];
}

export const ROOT = "root";
type Obj = Record<string, unknown>;

export function drawn(spec: PipelineSpec, layer = ROOT): Drawn {
  const tasks = tasksOf(spec, layer);
  const known = new Set(Object.keys(tasks));
  const arrows = Object.entries(tasks).flatMap(([to, task]) => before(task).filter((from) => known.has(from)).map((from) => ({ from, to })));
  return { tasks: Object.entries(tasks).map(([id, task]) => taskOf(spec, id, task)), arrows: pairs(arrows) };
}

interface RawTask {
  componentRef?: { name?: string };
  taskInfo?: { name?: string };
  dependentTasks?: string[];
  inputs?: { parameters?: Record<string, Source>; artifacts?: Record<string, Source> };
  triggerPolicy?: { condition?: string };
  parameterIterator?: object;
  artifactIterator?: object;
}

interface Source {
  taskOutputArtifact?: { producerTask?: string; outputArtifactKey?: string };
  taskOutputParameter?: { producerTask?: string; outputParameterKey?: string };
  componentInputParameter?: string;
  componentInputArtifact?: string;
  runtimeValue?: { constant?: unknown };
}

function tasksOf(spec: PipelineSpec, layer: string): Record<string, RawTask> {
  const holder = (layer === ROOT ? spec.root : spec.components?.[layer]) as Component | undefined;
  return (holder?.dag?.tasks ?? {}) as Record<string, RawTask>;
}

function sources({ inputs = {} }: RawTask): [string, Source][] {
  return [...Object.entries(inputs.parameters ?? {}), ...Object.entries(inputs.artifacts ?? {})];
}

function before(task: RawTask): string[] {
  const fed = sources(task).flatMap(([, s]) => s.taskOutputArtifact?.producerTask ?? s.taskOutputParameter?.producerTask ?? []);
  return [...new Set([...fed, ...(task.dependentTasks ?? [])])];
}

function taskOf(spec: PipelineSpec, id: string, task: RawTask): Task {
  const name = task.componentRef?.name ?? "";
  const inner = (spec.components?.[name] as Component | undefined)?.dag !== undefined;
  const title = task.taskInfo?.name ?? id;
  return { id, title, detail: kindOf(spec, task, inner, title), change: "same", ...(inner ? { opens: name } : {}) };
}

function kindOf(spec: PipelineSpec, task: RawTask, inner: boolean, title: string): string {
  if (task.parameterIterator ?? task.artifactIterator) return "loop";
  if (task.triggerPolicy?.condition) return "condition";
  if (inner) return title.startsWith("exit-handler") ? "exit handler" : "pipeline";
  const label = (spec.components?.[task.componentRef?.name ?? ""] as Component | undefined)?.executorLabel ?? "";
  const executor = (spec.deploymentSpec as { executors?: Record<string, { importer?: object }> } | undefined)?.executors?.[label];
  return executor?.importer ? "importer" : "component";
}

/** What is given to a task, in words. */
export function givenTo(spec: PipelineSpec, layer: string, id: string): [name: string, from: string][] {
  return sources(tasksOf(spec, layer)[id] ?? {}).map(([name, source]) => [name, origin(source)]);
}

function origin({ taskOutputArtifact: artifact, taskOutputParameter: parameter, componentInputParameter, componentInputArtifact, runtimeValue }: Source): string {
  if (artifact) return `${artifact.outputArtifactKey} of ${artifact.producerTask}`;
  if (parameter) return `${parameter.outputParameterKey} of ${parameter.producerTask}`;
  const outer = componentInputParameter ?? componentInputArtifact;
  if (outer) return `${outer} of the pipeline`;
  const constant = runtimeValue?.constant;
  return typeof constant === "string" ? constant : JSON.stringify(constant ?? null);
}

/** Two ports between the same tasks are one arrow here. */
function pairs(arrows: { from: string; to: string }[]): { from: string; to: string }[] {
  return [...new Map(arrows.map((a) => [`${a.from}→${a.to}`, a])).values()];
}

/** The later version, with what was in the earlier one alone added to it. */
export function compared(past: PipelineSpec, after: PipelineSpec, layer = ROOT): Drawn {
  const [old, fresh] = [there(past, layer), there(after, layer)];
  const known = new Set(old.tasks.map((t) => t.id));
  const kept = new Set(fresh.tasks.map((t) => t.id));
  const changeOf = (id: string): Change => (!known.has(id) ? "added" : meaning(past, layer, id) === meaning(after, layer, id) ? "same" : "changed");
  return {
    tasks: [
      ...fresh.tasks.map((t) => ({ ...t, change: changeOf(t.id) })),
      ...old.tasks.filter((t) => !kept.has(t.id)).map((t): Task => ({ ...t, change: "removed" })),
    ],
    arrows: pairs([...fresh.arrows, ...old.arrows]),
  };
}

function there(spec: PipelineSpec, layer: string): Drawn {
  const known = layer === ROOT || (spec.components?.[layer] as Obj | undefined)?.dag !== undefined;
  return known ? drawn(spec, layer) : { tasks: [], arrows: [] };
}

interface Component extends Obj {
  executorLabel?: string;
  dag?: { tasks?: Record<string, unknown> };
}

/** All that a task does, as one text: how it is called, what it is made of, what it runs, however deep. */
function meaning(spec: PipelineSpec, layer: string, id: string): string {
  const holder = (layer === ROOT ? spec.root : spec.components?.[layer]) as Component | undefined;
  const task = holder?.dag?.tasks?.[id] as { componentRef?: { name?: string } } | undefined;
  const { componentRef, ...call } = task ?? {};
  return JSON.stringify([call, made(spec, componentRef?.name ?? "", new Set())]);
}

function made(spec: PipelineSpec, name: string, above: ReadonlySet<string>): unknown {
  const component = spec.components?.[name] as Component | undefined;
  if (!component || above.has(name)) return null;
  const { executorLabel, dag, ...faces } = component;
  const executors = (spec.deploymentSpec as { executors?: Obj } | undefined)?.executors;
  if (!dag) return [faces, executors?.[executorLabel ?? ""]];
  const inner = Object.entries(dag.tasks ?? {}).map(([id, task]) => {
    const { componentRef, ...call } = task as { componentRef?: { name?: string } };
    return [id, call, made(spec, componentRef?.name ?? "", new Set([...above, name]))];
  });
  return [faces, inner];
}

/** Inputs that came, went, or have another type or default. */
export function inputChanges(before: PipelineSpec, after: PipelineSpec): string[] {
  const [old, fresh] = [before, after].map((spec) => spec.root?.inputDefinitions?.parameters ?? {});
  const names = [...new Set([...Object.keys(old ?? {}), ...Object.keys(fresh ?? {})])];
  return names.flatMap((name) => {
    const [a, b] = [old?.[name], fresh?.[name]];
    if (!a) return [`${name} is new`];
    if (!b) return [`${name} is gone`];
    if (a.parameterType !== b.parameterType) return [`${name}: ${a.parameterType} → ${b.parameterType}`];
    const [from, to] = [a.defaultValue, b.defaultValue].map((v) => (v === undefined ? "none" : JSON.stringify(v)));
    if (from !== to) return [`${name}: the default was ${from}, is ${to}`];
    return JSON.stringify(a) === JSON.stringify(b) ? [] : [`${name} is described otherwise`];
  });
}
