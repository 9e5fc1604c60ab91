/**
 * A pipeline as it was meant: what each task is given comes from another task, an input or the item of a loop, however
 * many borders lie between. The IR says it border by border (`pipelinechannel--…`); `read` takes these away and
 * `lowered` (lower.ts) puts them back as upstream's compiler does, so that an edit need not think of them.
 */

import { obj } from "../../ports/read";
import * as conditions from "./conditions";
import { type Definition, type GroupKind, type Obj, ROOT, componentName, componentOf, definitions, holder, isGroup, kindOf, tasksOf } from "./ir";

/** Where a value comes from. */
export type Channel =
  | { kind: "input"; name: string }
  /** Of a task; of a choice, which has one of several. */
  | { kind: "output"; task: string; name: string }
  | { kind: "item"; loop: string }
  /** A field of a loop's item. */
  | { kind: "field"; loop: string; name: string };

export type Value = { kind: "channel"; channel: Channel; selector?: string } | { kind: "raw"; raw: Obj };

interface Common {
  key: string;
  /** As it stands: what is not said otherwise below stays. */
  raw: Obj;
  parent: Group;
  /** Waited for without being given anything of it. */
  after: Set<string>;
}

export interface Task extends Common {
  kind: "task";
  /** Of its component. */
  inputs: Map<string, { side: Definition["side"]; value: Value }>;
  outputs: Map<string, Definition>;
}

export interface Loop {
  over: { raw: string } | { channel: Channel };
  artifact: boolean;
  /** Of a list that is written down: its name, which has a number of its own. */
  code: string;
}

export interface Choice {
  name: string;
  /** One of each branch. */
  parts: Channel[];
}

export interface Group {
  kind: GroupKind | "pipeline";
  key: string;
  component: string;
  raw: Obj;
  parent: Group | null;
  after: Set<string>;
  children: Map<string, Node>;
  loop?: Loop;
  when?: conditions.Condition<Channel>;
  choices: Choice[];
}

export type Node = Task | Group;

export interface Program {
  /** The pipeline's own graph, or a nested pipeline's. */
  body: Group;
  inputs: Map<string, Definition>;
  /** What the pipeline gives back. */
  outputs: Map<string, { definition: Definition; from: Channel | null }>;
  /** Types of items and their fields, which only the holes of the IR tell. */
  known: Map<string, Obj>;
  document: Obj;
}

export function isLeaf(node: Node): node is Task {
  return node.kind === "task";
}

/** From the outermost to the node itself. */
export function chain(node: Node): Node[] {
  const found: Node[] = [];
  for (let at: Node | null = node; at; at = at.parent) found.unshift(at);
  return found;
}

export function* everything(group: Group): Generator<Node> {
  for (const child of group.children.values()) {
    yield child;
    if (!isLeaf(child)) yield* everything(child);
  }
}

export function find(program: Program, key: string): Node | undefined {
  for (const node of everything(program.body)) if (node.key === key) return node;
  return undefined;
}

export function groupOf(program: Program, scope: string): Group | undefined {
  if (program.body.component === scope) return program.body;
  for (const node of everything(program.body)) if (!isLeaf(node) && node.component === scope) return node;
  return undefined;
}

/** The pipeline around a scope: the whole, or the nested one whose loops and conditions lead there. */
export function owner(document: Obj, scope: string): string {
  const seen = new Set<string>();
  const walk = (at: string, own: string): string | undefined => {
    if (at === scope) return own;
    if (seen.has(at)) return undefined;
    seen.add(at);
    for (const [, task] of tasksOf(holder(document, at))) {
      const kind = kindOf(document, task);
      const name = componentName(task);
      const found = isGroup(kind) ? walk(name, own) : kind === "pipeline" ? walk(name, name) : undefined;
      if (found) return found;
    }
    return undefined;
  };
  return walk(ROOT, ROOT) ?? scope;
}

export function read(document: Obj, scope: string): Program {
  const name = owner(document, scope);
  const component = holder(document, name);
  const body: Group = { kind: "pipeline", key: "", component: name, raw: {}, parent: null, after: new Set(), children: new Map(), choices: [] };
  const program: Program = { body, inputs: definitions(component.inputDefinitions), outputs: new Map(), known: new Map(), document };
  fill(program, body, 0);
  for (const node of [...everything(body)]) settle(program, node);
  const given = obj(obj(component.dag).outputs);
  for (const [output, definition] of definitions(component.outputDefinitions)) {
    const from = selectors(obj(obj(given[definition.side])[output])).map((one) => produced(program, body, one.task, one.name));
    program.outputs.set(output, { definition, from: from[0] ?? null });
  }
  return program;
}

const DEEPEST = 40;

function fill(program: Program, group: Group, depth: number): void {
  for (const [key, raw] of tasksOf(holder(program.document, group.component))) {
    const kind = kindOf(program.document, raw);
    if (!isGroup(kind) || depth > DEEPEST) {
      const outputs = definitions(componentOf(program.document, raw).outputDefinitions);
      group.children.set(key, { kind: "task", key, raw, parent: group, after: new Set(), inputs: new Map(), outputs });
      continue;
    }
    const inner: Group = { kind, key, component: componentName(raw), raw, parent: group, after: new Set(), children: new Map(), choices: [] };
    group.children.set(key, inner);
    for (const [name, definition] of definitions(holder(program.document, inner.component).inputDefinitions)) program.known.set(name, definition.raw);
    fill(program, inner, depth + 1);
  }
}

/** What a node says of others, once all of them are there. */
function settle(program: Program, node: Node): void {
  const waits = Array.isArray(node.raw.dependentTasks) ? node.raw.dependentTasks.map(String) : [];
  node.after = new Set(waits);
  const group = node.parent as Group;
  if (isLeaf(node)) {
    for (const [name, { side, raw }] of definitions(node.raw.inputs)) node.inputs.set(name, { side, value: meant(program, group, raw) });
    return;
  }
  const iterator = obj(node.raw.parameterIterator ?? node.raw.artifactIterator);
  if (node.kind === "loop") node.loop = loopOf(program, node, iterator);
  if (node.kind === "condition") node.when = conditions.read(String(obj(node.raw.triggerPolicy).condition), (name) => entering(program, node, name));
  if (node.kind === "branches") node.choices = choicesOf(program, node);
}

function loopOf(program: Program, group: Group, iterator: Obj): Loop {
  const items = obj(iterator.items);
  const artifact = group.raw.artifactIterator !== undefined;
  const over = items.inputParameter ?? items.inputArtifact;
  const channel = over === undefined ? null : entering(program, group, String(over));
  return { over: channel ? { channel } : { raw: String(items.raw ?? "[]") }, artifact, code: /loop-item-param-(\d+)/.exec(String(iterator.itemInput))?.[1] ?? "" };
}

function choicesOf(program: Program, group: Group): Choice[] {
  const outputs = obj(obj(holder(program.document, group.component).dag).outputs);
  return [...definitions(outputs)].map(([name, { raw }]) => ({
    name,
    parts: selectors(raw).flatMap((one) => produced(program, group, one.task, one.name) ?? []),
  }));
}

interface Selector {
  task: string;
  name: string;
}

function selectors(raw: Obj): Selector[] {
  const single = raw.valueFromParameter ? [raw.valueFromParameter] : [];
  const several = obj(raw.valueFromOneof).parameterSelectors ?? raw.artifactSelectors ?? [];
  return [...single, ...(several as unknown[])].map(obj).map((each) => ({
    task: String(each.producerSubtask ?? ""),
    name: String(each.outputParameterKey ?? each.outputArtifactKey ?? ""),
  }));
}

const FIELD = /^parseJson\(string_value\)\["([A-Za-z_]\w*)"\]$/;

function meant(program: Program, group: Group, raw: Obj): Value {
  const selector = raw.parameterExpressionSelector === undefined ? undefined : String(raw.parameterExpressionSelector);
  const channel = origin(program, group, raw);
  if (!channel) return { kind: "raw", raw };
  const field = selector === undefined ? undefined : FIELD.exec(selector)?.[1];
  if (field !== undefined && channel.kind === "item") return { kind: "channel", channel: { kind: "field", loop: channel.loop, name: field } };
  return { kind: "channel", channel, ...(selector === undefined ? {} : { selector }) };
}

/** Where an input of something in `group` comes from. */
function origin(program: Program, group: Group, raw: Obj): Channel | null {
  const output = raw.taskOutputParameter ?? raw.taskOutputArtifact;
  if (output !== undefined) {
    const { producerTask, outputParameterKey, outputArtifactKey } = obj(output);
    return produced(program, group, String(producerTask ?? ""), String(outputParameterKey ?? outputArtifactKey ?? ""));
  }
  const outer = raw.componentInputParameter ?? raw.componentInputArtifact;
  return outer === undefined ? null : entering(program, group, String(outer));
}

/** What comes into a group under a name. */
function entering(program: Program, group: Group, name: string): Channel | null {
  if (!group.parent) return program.inputs.has(name) ? { kind: "input", name } : null;
  const given = definitions(group.raw.inputs).get(name);
  if (given) {
    const value = meant(program, group.parent, given.raw);
    return value.kind === "channel" ? value.channel : null;
  }
  const iterator = obj(group.raw.parameterIterator ?? group.raw.artifactIterator);
  return iterator.itemInput === name ? { kind: "item", loop: group.key } : null;
}

/** What a task of `group` gives, followed into the groups that hand it up. */
function produced(program: Program, group: Group, task: string, name: string): Channel | null {
  const node = group.children.get(task);
  if (!node) return null;
  if (isLeaf(node) || node.kind === "branches") return { kind: "output", task, name };
  const outputs = definitions(obj(holder(program.document, node.component).dag).outputs);
  const [one] = selectors(outputs.get(name)?.raw ?? {});
  return one ? produced(program, node, one.task, one.name) : null;
}
