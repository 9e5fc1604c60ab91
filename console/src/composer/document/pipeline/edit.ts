/** What the mouse and the keyboard do to a pipeline: each function changes what it means, or refuses with a reason. */

import { obj } from "../../ports/read";
import { Refused, free } from "../workflow/parts";
import * as conditions from "./conditions";
import type { Hand } from "./change";
import { ALWAYS, CHANNEL, type Definition, type Obj, ROOT, executors, sanitized } from "./ir";
import { type Material, joined } from "./join";
import { type Channel, type Group, type Node, type Program, type Task, type Value, chain, everything, find, isLeaf } from "./program";

/** Names of everything that a program may not call something else. */
export function keys(program: Program): string[] {
  return [...everything(program.body)].map((each) => each.key);
}

export function nodeHere({ group }: Pick<Hand, "group">, id: string): Node {
  const found = group.children.get(id);
  if (!found) throw new Refused(`There is no ${id} in this drawing`);
  return found;
}

/** A task of its own component, executor and name. */
export function add({ program, group, whole }: Hand, material: Material): string {
  const base = sanitized(material.name) || "task";
  const key = free(base, keys(program));
  const component = joined(whole, material, key);
  const raw: Obj = { cachingOptions: { enableCache: true }, componentRef: { name: component }, taskInfo: { name: key } };
  group.children.set(key, task(key, raw, group, obj(obj(whole.document.components)[component])));
  return key;
}

function task(key: string, raw: Obj, parent: Group, component: Obj): Task {
  const outputs = new Map<string, Definition>();
  for (const side of ["artifacts", "parameters"] as const)
    for (const [name, said] of Object.entries(obj(obj(component.outputDefinitions)[side]))) outputs.set(name, { side, raw: obj(said) });
  return { kind: "task", key, raw, parent, after: new Set(), inputs: new Map(), outputs };
}

// ---- values --------------------------------------------------------------------------------------

/** Whoever gets `channel` in this program: each says what it gets instead; null leaves it without. */
export function redirect(program: Program, change: (channel: Channel, consumer: Node | null) => Channel | null): void {
  for (const node of everything(program.body)) redirectNode(node, change);
  for (const [name, output] of program.outputs) {
    const now = output.from && change(output.from, null);
    if (output.from && !now) program.outputs.delete(name);
    else output.from = now;
  }
}

export function redirectNode(node: Node, change: (channel: Channel, consumer: Node) => Channel | null): void {
  if (isLeaf(node)) redirectInputs(node, change);
  else redirectGroup(node, change);
}

function redirectGroup(node: Group, change: (channel: Channel, consumer: Node) => Channel | null): void {
  if (node.loop && "channel" in node.loop.over) {
    const now = change(node.loop.over.channel, node);
    node.loop.over = now ? { channel: now } : { raw: "[]" };
  }
  if (node.when)
    node.when = conditions.replaced(node.when, (channel) => {
      const now = change(channel, node);
      if (!now) throw new Refused(`${node.key} asks for ${said(channel)}: change its condition first`);
      return now;
    });
  node.choices = node.choices.flatMap((choice) => {
    const parts = choice.parts.flatMap((part) => change(part, node) ?? []);
    return parts.length ? [{ ...choice, parts }] : [];
  });
}

function redirectInputs(node: Task, change: (channel: Channel, consumer: Node) => Channel | null): void {
  for (const [name, { side, value }] of node.inputs) {
    if (value.kind === "raw") continue;
    const now = change(value.channel, node);
    if (now) node.inputs.set(name, { side, value: { ...value, channel: now } });
    else node.inputs.delete(name);
  }
}

export function said(channel: Channel): string {
  if (channel.kind === "output") return `${channel.name} of ${channel.task}`;
  return channel.kind === "input" ? channel.name : channel.kind === "item" ? `the item of ${channel.loop}` : `${channel.name} of the item of ${channel.loop}`;
}

export function equal(a: Channel, b: Channel): boolean {
  if (a.kind !== b.kind) return false;
  if (a.kind === "input" && b.kind === "input") return a.name === b.name;
  if (a.kind === "output" && b.kind === "output") return a.task === b.task && a.name === b.name;
  return "loop" in a && "loop" in b && a.loop === b.loop && (!("name" in a) || ("name" in b && a.name === b.name));
}

/** An input's value; null takes it away. What only the old value needed goes with it. */
export function setInput({ whole }: Hand, node: Task, name: string, side: Definition["side"], value: Value | null): void {
  if (value) node.inputs.set(name, { side, value });
  else node.inputs.delete(name);
  const component = obj(obj(whole.document.components)[String(obj(node.raw.componentRef).name)]);
  const spoken = JSON.stringify([...node.inputs.values()].map((each) => each.value)) + JSON.stringify(executors(whole.document)[String(component.executorLabel)] ?? "");
  for (const each of [...node.inputs.keys()]) if (each.startsWith(CHANNEL) && !spoken.includes(`'${each}'`)) node.inputs.delete(each);
}

export function constant(value: unknown): Value {
  return { kind: "raw", raw: { runtimeValue: { constant: value } } };
}

/** Refuses circles: what is given must come before who gets it. */
export function checkOrder(program: Program, channel: Channel, consumer: Node): void {
  if (channel.kind !== "output") return;
  const producer = find(program, channel.task);
  if (!producer) throw new Refused(`There is no ${channel.task}`);
  const [a, b] = [chain(producer), chain(consumer)];
  const at = a.findIndex((each, i) => each !== b[i]);
  const [source, target] = [a[at], b[at]];
  if (!source || !target) throw new Refused(`${consumer.key} cannot be given what is made around it`);
  if (before(source, siblings(program, source)).has(target.key)) throw new Refused(`${source.key} comes after ${target.key}: this would be a circle`);
}

function siblings(program: Program, node: Node): Map<string, Set<string>> {
  const group = node.parent as Group;
  return new Map([...group.children.values()].map((each) => [each.key, waits(program, each)]));
}

/** The siblings that a node waits for, because of what it or something in it is given, or told to. */
export function waits(program: Program, node: Node): Set<string> {
  const found = new Set(node.after);
  const depth = chain(node).length - 1;
  const group = node.parent as Group;
  const note = (channel: Channel): null => {
    const source = channel.kind === "output" ? find(program, channel.task) : channel.kind === "input" ? undefined : baseOf(program, channel);
    const sibling = source && chain(source)[depth];
    if (sibling && sibling !== node && sibling.parent === group) found.add(sibling.key);
    return null;
  };
  for (const each of isLeaf(node) ? [node] : [node, ...everything(node)]) consumed(each).forEach(note);
  return found;
}

function baseOf(program: Program, channel: Channel & { loop: string }): Node | undefined {
  const loop = find(program, channel.loop);
  const over = loop && !isLeaf(loop) ? loop.loop?.over : undefined;
  return over && "channel" in over && over.channel.kind === "output" ? find(program, over.channel.task) : undefined;
}

/** Everything that a node itself is given. */
export function consumed(node: Node): Channel[] {
  if (isLeaf(node)) return [...node.inputs.values()].flatMap(({ value }) => (value.kind === "channel" ? [value.channel] : []));
  return [
    ...(node.loop && "channel" in node.loop.over ? [node.loop.over.channel] : []),
    ...(node.when ? conditions.channels(node.when) : []),
    ...node.choices.flatMap((each) => each.parts),
  ];
}

function before(node: Node, all: ReadonlyMap<string, Set<string>>): Set<string> {
  const found = new Set<string>();
  const waiting = [node.key];
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop())
    for (const name of all.get(at) ?? [])
      if (!found.has(name)) {
        found.add(name);
        waiting.push(name);
      }
  return found;
}

export function order(hand: Hand, from: string, to: string): void {
  const [source, target] = [nodeHere(hand, from), nodeHere(hand, to)];
  if (before(source, siblings(hand.program, source)).has(to)) throw new Refused(`${from} comes after ${to}: this would be a circle`);
  if (!waits(hand.program, target).has(from)) target.after.add(from);
}

export function unorder(hand: Hand, from: string, to: string): void {
  const target = nodeHere(hand, to);
  if (!target.after.delete(from)) throw new Refused(`${to} is given something of ${from}: that is what it waits for`);
  if (isLeaf(target) && target.after.size === 0 && always(target)) setAlways(target, false);
}

// ---- facts of a task -------------------------------------------------------------------------------

export function always(node: Node): boolean {
  return obj(node.raw.triggerPolicy).strategy === ALWAYS;
}

/** Runs whatever became of what it waits for. */
export function setAlways(node: Node, on: boolean): void {
  const { strategy: _, ...rest } = obj(node.raw.triggerPolicy);
  setRaw(node, "triggerPolicy", on ? { ...rest, strategy: ALWAYS } : Object.keys(rest).length ? rest : undefined);
}

export function setRaw(node: Node, key: string, value: unknown): void {
  const { [key]: _, ...rest } = node.raw;
  node.raw = value === undefined ? rest : { ...rest, [key]: value };
}

export function rename(node: Node, name: string): void {
  if (!name.trim()) throw new Refused("A name is needed");
  setRaw(node, "taskInfo", { ...obj(node.raw.taskInfo), name: name.trim() });
}

export function setCaching(node: Node, on: boolean): void {
  setRaw(node, "cachingOptions", on ? { ...obj(node.raw.cachingOptions), enableCache: true } : {});
}

/** As upstream's `set_retry` writes it. */
export function setRetries(node: Node, count: number): void {
  const usual = { backoffDuration: "0s", backoffFactor: 2, backoffMaxDuration: "3600s" };
  setRaw(node, "retryPolicy", count > 0 ? { ...usual, ...obj(node.raw.retryPolicy), maxRetryCount: count } : undefined);
}

export function setParallelism(node: Node, limit: number): void {
  setRaw(node, "iteratorPolicy", limit > 0 ? { ...obj(node.raw.iteratorPolicy), parallelismLimit: limit } : undefined);
}

// ---- away ------------------------------------------------------------------------------------------

export function remove(hand: Hand, ids: Iterable<string>): void {
  const gone = new Set<Node>();
  for (const id of ids) {
    const node = nodeHere(hand, id);
    gone.add(node);
    if (!isLeaf(node)) for (const each of everything(node)) gone.add(each);
    hand.group.children.delete(id);
  }
  const names = new Set([...gone].map((each) => each.key));
  for (const node of [...everything(hand.program.body)]) for (const name of names) node.after.delete(name);
  redirect(hand.program, (channel) => (names.has(channel.kind === "output" ? channel.task : "loop" in channel ? channel.loop : "") ? null : channel));
  for (const node of everything(hand.program.body)) if (isLeaf(node)) afterwards(node, names);
}

/** What runs whatever became of something that is gone now, and is told how that ended. */
function afterwards(node: Task, gone: ReadonlySet<string>): void {
  for (const [name, { value }] of node.inputs) if (value.kind === "raw" && gone.has(String(obj(value.raw.taskFinalStatus).producerTask ?? ""))) node.inputs.delete(name);
  if (always(node) && node.after.size === 0 && consumed(node).every((each) => each.kind !== "output")) setAlways(node, false);
}

// ---- names -----------------------------------------------------------------------------------------

/** Another key, wherever it is spoken of. Components keep their names unless they are given one. */
export function rekey(program: Program, node: Node, key: string): void {
  const old = node.key;
  if (old === key || !node.parent) return;
  const entries = [...node.parent.children].map(([name, each]): [string, Node] => [name === old ? key : name, each]);
  node.parent.children = new Map(entries);
  if (obj(node.raw.taskInfo).name === old) rename(node, key);
  redirect(program, (channel) => {
    if (channel.kind === "output" && channel.task === old) return { ...channel, task: key };
    return "loop" in channel && channel.loop === old ? { ...channel, loop: key } : channel;
  });
  for (const each of everything(program.body)) {
    if (each.after.delete(old)) each.after.add(key);
    if (isLeaf(each)) respeak(each, old, key);
  }
  node.key = key;
}

function respeak(node: Task, old: string, key: string): void {
  for (const [name, { side, value }] of node.inputs) {
    const status = value.kind === "raw" ? obj(value.raw.taskFinalStatus) : {};
    if (value.kind === "raw" && status.producerTask === old) node.inputs.set(name, { side, value: { kind: "raw", raw: { ...value.raw, taskFinalStatus: { ...status, producerTask: key } } } });
  }
}

/** The next number for a group: loops, conditions and the lists that are written down share one row of them. */
export function nextNumber(program: Program): number {
  const all = [...everything(program.body)].flatMap((each) => (isLeaf(each) ? [] : [each.key, each.component, `x-${each.loop?.code || 0}`]));
  const taken = program.body.component === ROOT ? Object.keys(obj(program.document.components)) : [];
  return 1 + Math.max(0, ...[...all, ...taken].map((name) => Number(/^(?:comp-)?(?:for-loop|condition-branches|condition|exit-handler|x)-(\d+)/.exec(name)?.[1] ?? 0)));
}
