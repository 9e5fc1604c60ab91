/** Tasks put into a loop, a condition, an exit handler or a pipeline of their own, and taken out again. */

import { obj } from "../../ports/read";
import { Refused, free } from "../workflow/parts";
import type { Hand } from "./change";
import * as conditions from "./conditions";
import { add, consumed, equal, keys, nextNumber, nodeHere, redirect, redirectNode, rekey, setAlways } from "./edit";
import { type Definition, type GroupKind, type Obj, ROOT, componentName, componentOf, definitions, kindOf } from "./ir";
import type { Material } from "./join";
import { Routing, lowered, programOf } from "./lower";
import { type Channel, type Group, type Node, type Program, type Task, chain, everything, isLeaf } from "./program";

const WORDS: Record<GroupKind, string> = { loop: "for-loop", condition: "condition", branches: "condition-branches", exit: "exit-handler" };

/** An empty group in another, with the number and the component that upstream's compiler would give it. */
function group({ program, whole }: Pick<Hand, "program" | "whole">, kind: GroupKind, parent: Group, number = nextNumber(program)): Group {
  const key = free(`${WORDS[kind]}-${number}`, keys(program));
  const component = free(`comp-${key}`, Object.keys(obj(whole.document.components)));
  whole.document.components = { ...obj(whole.document.components), [component]: { dag: { tasks: {} } } };
  const raw: Obj = { componentRef: { name: component }, taskInfo: { name: key } };
  const made: Group = { kind, key, component, raw, parent, after: new Set(), children: new Map(), choices: [] };
  parent.children.set(key, made);
  return made;
}

/** Nodes go into a group beside them; what waited for them waits for it, and it for what they waited for. */
function enter(inner: Group, nodes: readonly Node[]): void {
  const outer = inner.parent as Group;
  const names = new Set(nodes.map((each) => each.key));
  for (const node of nodes) {
    outer.children.delete(node.key);
    inner.children.set(node.key, node);
    node.parent = inner;
    for (const name of [...node.after]) if (!names.has(name)) move(node.after, inner.after, name);
  }
  for (const each of outer.children.values()) if (each !== inner) for (const name of names) if (each.after.delete(name)) each.after.add(inner.key);
}

function move(from: Set<string>, to: Set<string>, name: string): void {
  from.delete(name);
  to.add(name);
}

export function chosen(hand: Hand, ids: Iterable<string>): Node[] {
  const found = [...ids].map((id) => nodeHere(hand, id));
  if (found.length === 0) throw new Refused("Choose the steps first");
  if (found.some((each) => each.parent?.kind === "branches")) throw new Refused("A branch stays in its choice");
  convex(hand, found);
  return found;
}

/** What lies between two of them must come along: it would wait for the group and the group for it. */
function convex({ program, group: around }: Hand, nodes: readonly Node[]): void {
  const inside = new Set(nodes);
  const routing = new Routing(program);
  const waits = (node: Node) => new Set([...node.after, ...(routing.waits.get(node) ?? [])]);
  const reaches = (node: Node, seen = new Set<Node>()): boolean => {
    if (inside.has(node)) return true;
    if (seen.has(node)) return false;
    seen.add(node);
    return [...waits(node)].some((name) => {
      const next = around.children.get(name);
      return next !== undefined && reaches(next, seen);
    });
  };
  for (const node of nodes)
    for (const name of waits(node)) {
      const next = around.children.get(name);
      if (next && !inside.has(next) && reaches(next)) throw new Refused(`${next.key} lies between them: choose it, too`);
    }
}

export function wrapLoop(hand: Hand, ids: Iterable<string>): string {
  const nodes = chosen(hand, ids);
  const code = nextNumber(hand.program);
  const made = group(hand, "loop", hand.group, code + 1);
  made.loop = { over: { raw: "[1, 2, 3]" }, artifact: false, code: String(code) };
  enter(made, nodes);
  return made.key;
}

/** `compared` is asked about; without one, an input of the pipeline that says whether. */
export function wrapCondition(hand: Hand, ids: Iterable<string>, compared?: conditions.Comparison<Channel>): string {
  const nodes = chosen(hand, ids);
  const made = group(hand, "condition", hand.group);
  made.when = conditions.made([compared ?? asked(hand.program)]);
  enter(made, nodes);
  return made.key;
}

function asked({ inputs }: Program): conditions.Comparison<Channel> {
  const name = free("enabled", inputs.keys());
  inputs.set(name, { side: "parameters", raw: { defaultValue: true, isOptional: true, parameterType: "BOOLEAN" } });
  return { left: { channel: { kind: "input", name } }, operator: "==", right: { value: true }, not: false };
}

/** `last` runs when all of them have ended, however they did: a task of this drawing, or a component that becomes one. */
export function wrapExit(hand: Hand, ids: Iterable<string>, last: string | Material): string {
  if (hand.group.parent || hand.group.component !== ROOT) throw new Refused("An exit handler stands in the pipeline itself, not in a loop, a condition or another pipeline");
  const nodes = chosen(hand, ids);
  const made = group(hand, "exit", hand.group);
  const key = typeof last === "string" ? last : add(hand, last);
  const task = nodeHere(hand, key);
  if (!isLeaf(task) || nodes.includes(task)) throw new Refused(`${key} cannot be what runs at the end`);
  if (task.after.size || consumed(task).some((each) => each.kind === "output")) throw new Refused(`${key} waits for others: what runs at the end must not`);
  enter(made, nodes);
  task.after.add(made.key);
  setAlways(task, true);
  tell(hand, task, made.key);
  return made.key;
}

/** A component that wants to know how it ended is told. */
function tell({ whole }: Hand, task: Task, key: string): void {
  for (const [name, { side, raw }] of definitions(componentOf(whole.document, task.raw).inputDefinitions))
    if (raw.parameterType === "TASK_FINAL_STATUS") task.inputs.set(name, { side, value: { kind: "raw", raw: { taskFinalStatus: { producerTask: key } } } });
}

// ---- branches ----------------------------------------------------------------------------------------

/** What else may happen instead of a condition: `compared` for *else if*, without it *else*. The condition becomes one branch of a choice. */
export function addBranch(hand: Hand, id: string, compared?: conditions.Comparison<Channel>): string {
  const condition = nodeHere(hand, id);
  if (isLeaf(condition) || !condition.when) throw new Refused(`${id} is no condition`);
  const around = condition.parent as Group;
  const choice = around.kind === "branches" ? around : choose(hand, condition);
  const others = branches(choice);
  const last = others.at(-1);
  if (last && isElse(last)) throw new Refused("There is an else already: nothing comes after it");
  const not = others.flatMap((each) => own(each)).map((each) => ({ ...each, not: true }));
  const made = group(hand, "condition", choice);
  made.when = conditions.made([...not, ...(compared ? [compared] : [])]);
  return made.key;
}

function choose(hand: Hand, condition: Group): Group {
  if (!condition.when?.of) throw new Refused(`The condition of ${condition.key} is written in another way than upstream's compiler does: it has no opposite here`);
  const choice = group(hand, "branches", condition.parent as Group);
  enter(choice, [condition]);
  return choice;
}

export function branches(choice: Group): Group[] {
  return [...choice.children.values()].filter((each): each is Group => !isLeaf(each)).sort((a, b) => number(a.key) - number(b.key));
}

function number(key: string): number {
  return Number(/-(\d+)$/.exec(key)?.[1] ?? 0);
}

/** What a branch itself asks, without that all before it said no. */
export function own(branch: Group): conditions.Comparison<Channel>[] {
  return (branch.when?.of ?? []).filter((each) => !each.not);
}

export function isElse(branch: Group): boolean {
  return branch.when?.of !== null && own(branch).length === 0;
}

/** Another question; branches after it ask for its opposite, too. */
export function setCondition(condition: Group, compared: conditions.Comparison<Channel>): void {
  const around = condition.parent;
  if (around?.kind !== "branches") {
    condition.when = conditions.made([compared]);
    return;
  }
  const all = branches(around);
  const asks = all.map((each) => (each === condition ? [compared] : own(each)));
  all.forEach((each, i) => {
    const not = asks.slice(0, i).flat().map((one) => ({ ...one, not: true }));
    each.when = conditions.made([...not, ...(asks[i] ?? [])]);
  });
}

// ---- pipelines of their own ----------------------------------------------------------------------------

const IDENTIFIER = /[^0-9A-Za-z_]+/g;

/** What comes to some nodes from around them, by the name that it has as an input of theirs. */
export interface Cut {
  inputs: Map<string, { channel: Channel; definition: Definition }>;
  /** Of theirs, what others get. */
  outputs: Map<string, { channel: Channel; definition: Definition }>;
}

/** Nodes cut out of their program: every value from outside is now an input. */
export function cut(program: Program, around: Group, nodes: readonly Node[]): Cut {
  const inside = new Set(nodes.flatMap((each) => (isLeaf(each) ? [each] : [each, ...everything(each)])));
  const names = new Set([...inside].map((each) => each.key));
  const within = (channel: Channel) => channel.kind !== "input" && names.has(channel.kind === "output" ? channel.task : channel.loop);
  const routing = new Routing(program);
  const found: Cut = { inputs: new Map(), outputs: new Map() };
  const first = nodes[0];
  for (const node of inside)
    redirectNode(node, (channel) => {
      if (within(channel) || !first) return channel;
      return { kind: "input", name: called(found.inputs, channel, routing.definition(channel, first)) };
    });
  const outside = [...everything(program.body)].filter((each) => !inside.has(each));
  for (const channel of [...outside.flatMap(consumed), ...[...program.outputs.values()].flatMap((each) => each.from ?? [])])
    if (channel.kind === "output" && within(channel)) called(found.outputs, channel, handed(routing, channel, around));
  return found;
}

function handed(routing: Routing, channel: Channel & { kind: "output" }, around: Group): Definition {
  const up = chain(routing.producer(channel));
  const collected = up.slice(up.indexOf(around) + 1, -1).some((each) => !isLeaf(each) && each.kind === "loop");
  const own = routing.made(channel);
  if (!collected) return own;
  return own.side === "artifacts" ? { side: "artifacts", raw: { ...own.raw, isArtifactList: true } } : { side: "parameters", raw: { parameterType: "LIST" } };
}

function called(all: Cut["inputs"], channel: Channel, definition: Definition): string {
  for (const [name, each] of all) if (equal(each.channel, channel)) return name;
  const wanted = channel.kind === "output" ? (channel.name === "Output" ? channel.task : channel.name) : channel.kind === "item" ? "item" : channel.name;
  let name = wanted.replace(IDENTIFIER, "_");
  for (let n = 2; all.has(name); n++) name = `${wanted.replace(IDENTIFIER, "_")}_${n}`;
  all.set(name, { channel, definition });
  return name;
}

/** The chosen steps as a pipeline with the inputs and outputs that they need. */
export function wrapPipeline(hand: Hand, ids: Iterable<string>, wanted = "inner"): string {
  const nodes = chosen(hand, ids);
  const { program, whole, group: around } = hand;
  const key = free(wanted, keys(program));
  const component = free(`comp-${key}`, Object.keys(obj(whole.document.components)));
  const { inputs, outputs: several } = cut(program, around, nodes);
  // What a function returns alone has no other name.
  const outputs = several.size === 1 ? new Map([...several.values()].map((each) => ["Output", each] as const)) : several;
  whole.document.components = { ...obj(whole.document.components), [component]: { dag: { tasks: {} } } };
  const body: Group = { kind: "pipeline", key: "", component, raw: {}, parent: null, after: new Set(), children: new Map(), choices: [] };
  const inner: Program = { body, inputs: new Map(), outputs: new Map(), known: program.known, document: whole.document };
  for (const [name, { definition }] of inputs) inner.inputs.set(name, definition);
  for (const [name, { channel, definition }] of outputs) inner.outputs.set(name, { definition, from: channel });
  const raw: Obj = { cachingOptions: { enableCache: true }, componentRef: { name: component }, taskInfo: { name: key } };
  const task: Task = { kind: "task", key, raw, parent: around, after: new Set(), inputs: new Map(), outputs: new Map() };
  for (const [name, { channel, definition }] of inputs) task.inputs.set(name, { side: definition.side, value: { kind: "channel", channel } });
  for (const [name, { definition }] of outputs) task.outputs.set(name, definition);
  around.children.set(key, task);
  leave(around, nodes, task);
  for (const node of nodes) {
    node.parent = body;
    body.children.set(node.key, node);
  }
  redirect(program, (channel) => {
    for (const [name, each] of outputs) if (equal(each.channel, channel)) return { kind: "output", task: key, name };
    return channel;
  });
  store(hand, inner);
  return key;
}

/** Nodes leave a group for the task that stands for them now. */
function leave(around: Group, nodes: readonly Node[], task: Task): void {
  const names = new Set(nodes.map((each) => each.key));
  for (const node of nodes) {
    around.children.delete(node.key);
    for (const name of [...node.after]) if (!names.has(name)) move(node.after, task.after, name);
  }
  for (const each of around.children.values()) for (const name of names) if (each.after.delete(name)) each.after.add(task.key);
}

/** A nested pipeline is written into the document of the program that it is nested in. */
function store({ program }: Hand, inner: Program): void {
  const made = lowered({ ...inner, document: program.document });
  program.document.components = made.components;
}

/** What is in a group takes its place. */
export function unwrap(hand: Hand, id: string): string[] {
  const node = nodeHere(hand, id);
  if (!isLeaf(node)) return node.kind === "branches" || node.parent?.kind === "branches" ? dissolve(hand, node) : flatten(hand, node);
  if (kindOf(hand.whole.document, node.raw) !== "pipeline") throw new Refused(`${id} is no group`);
  return inline(hand, node);
}

function dissolve(hand: Hand, node: Group): string[] {
  if (node.kind === "branches") throw new Refused("Each branch of a choice has its own condition: take the branches out one by one");
  const choice = node.parent as Group;
  if (choice.children.size > 1) throw new Refused(`${node.key} is a branch of a choice: delete the others first`);
  return flatten(hand, node);
}

function flatten({ program, group: around }: Hand, inner: Group): string[] {
  const names = [...inner.children.keys()];
  around.children.delete(inner.key);
  for (const [key, node] of inner.children) {
    node.parent = around;
    around.children.set(key, node);
    for (const name of inner.after) node.after.add(name);
  }
  for (const each of around.children.values()) if (!names.includes(each.key) && each.after.delete(inner.key)) for (const name of names) each.after.add(name);
  redirect(program, (channel) => ("loop" in channel && channel.loop === inner.key ? null : channel));
  if (inner.kind === "exit") for (const each of around.children.values()) if (isLeaf(each)) untold(each, inner.key);
  return names;
}

/** Nobody tells how it ended any more. */
function untold(task: Task, exit: string): void {
  for (const [name, { value }] of task.inputs) if (value.kind === "raw" && obj(value.raw.taskFinalStatus).producerTask === exit) task.inputs.delete(name);
}

/** A nested pipeline's tasks beside it, with what it was given. */
function inline(hand: Hand, task: Task): string[] {
  const { program, group: around } = hand;
  const inner = programOf(program.document, componentName(task.raw));
  for (const node of [...everything(inner.body)]) {
    const taken = [...keys(program), ...keys(inner).filter((key) => key !== node.key)];
    if (keys(program).includes(node.key)) rekey(inner, node, free(node.key, taken));
  }
  for (const [key, value] of inner.known) program.known.set(key, value);
  const given = (name: string): Channel | null => {
    const value = task.inputs.get(name)?.value;
    return value?.kind === "channel" ? value.channel : null;
  };
  for (const node of everything(inner.body)) constants(node, task);
  redirect(inner, (channel) => (channel.kind === "input" ? given(channel.name) : channel));
  const outputs = new Map([...inner.outputs].map(([name, { from }]) => [name, from]));
  redirect(program, (channel) => (channel.kind === "output" && channel.task === task.key ? (outputs.get(channel.name) ?? null) : channel));
  around.children.delete(task.key);
  const names = [...inner.body.children.keys()];
  for (const [key, node] of inner.body.children) {
    node.parent = around;
    around.children.set(key, node);
    for (const name of task.after) node.after.add(name);
  }
  for (const each of around.children.values()) if (!names.includes(each.key) && each.after.delete(task.key)) for (const name of names) each.after.add(name);
  return names;
}

/** Inputs that the pipeline was given as constants, or that have a default. */
function constants(node: Node, task: Task): void {
  if (!isLeaf(node)) return;
  for (const [name, { side, value }] of node.inputs) {
    if (value.kind !== "channel" || value.channel.kind !== "input") continue;
    const outer = task.inputs.get(value.channel.name)?.value;
    if (outer?.kind === "raw") node.inputs.set(name, { side, value: outer });
  }
}
