/**
 * Where lines begin and end in a drawing of a pipeline: ports of tasks and groups, and of the drawing's own border. What
 * a port stands for is found here, for the picture and for the edit alike.
 */

import { CHANNEL, type Definition, componentOf, definitions } from "./ir";
import { Impossible, type Routing, surface } from "./lower";
import { equal, waits } from "./edit";
import { type Channel, type Group, type Node, type Program, chain, everything, isLeaf } from "./program";

/** The border of a drawing: what comes in, and what the pipeline gives back. */
export const INPUTS = ":inputs";
export const OUTPUTS = ":outputs";
/** What a loop goes over. */
export const ITEMS = ":items";
export const FILES = ":files";
const CHOICE = ":choice ";

export interface Offer {
  channel: Channel;
  definition: Definition;
  title: string;
  /** Already in use, or all that there is: drawn without being joined to anything. */
  plain: boolean;
}

/** What a node gives, by the names of its ports. */
export function offers(routing: Routing, node: Node): Map<string, Offer> {
  if (isLeaf(node)) return leaf(node.outputs, node.key);
  if (node.kind === "loop") return collected(routing, node);
  return node.kind === "branches" ? choices(routing, node) : new Map();
}

function leaf(outputs: ReadonlyMap<string, Definition>, task: string): Map<string, Offer> {
  return new Map([...outputs].map(([name, definition]) => [name, { channel: { kind: "output", task, name }, definition, title: name, plain: true }]));
}

/** Of a loop, lists of what is made in it: those that are used are drawn, the others can be had. */
function collected(routing: Routing, loop: Group): Map<string, Offer> {
  const used = routing.handed.get(loop);
  const found = new Map<string, Offer>();
  for (const node of everything(loop)) {
    if (!isLeaf(node) || shut(node, loop)) continue;
    for (const name of node.outputs.keys()) {
      const channel: Channel & { kind: "output" } = { kind: "output", task: node.key, name };
      const own = routing.made(channel);
      const definition: Definition = own.side === "artifacts" ? { side: "artifacts", raw: { ...own.raw, isArtifactList: true } } : { side: "parameters", raw: { parameterType: "LIST" } };
      const port = surface(channel);
      found.set(port, { channel, definition, title: `every ${name} of ${node.key}`, plain: used?.has(port) ?? false });
    }
  }
  return found;
}

function shut(node: Node, around: Group): boolean {
  const all = chain(node);
  return all.slice(all.indexOf(around) + 1).some((each) => !isLeaf(each) && (each.kind === "branches" || each.kind === "exit"));
}

/** Of a choice, what every branch makes. */
function choices(routing: Routing, choice: Group): Map<string, Offer> {
  const found = new Map<string, Offer>();
  for (const { name, parts } of choice.choices) {
    const [part] = parts;
    if (part?.kind !== "output") continue;
    found.set(name, { channel: { kind: "output", task: choice.key, name }, definition: routing.made(part), title: part.name, plain: true });
  }
  for (const [name, definition] of common(choice)) {
    const port = CHOICE + name;
    found.set(port, { channel: { kind: "output", task: choice.key, name: port }, definition, title: `${name} of whichever ran`, plain: false });
  }
  return found;
}

function common(choice: Group): Map<string, Definition> {
  const [first, ...others] = [...choice.children.values()];
  if (!first || isLeaf(first)) return new Map();
  const all = [...first.children.values()].flatMap((each) => (isLeaf(each) ? [...each.outputs] : []));
  return new Map(all.filter(([name, definition]) => others.every((branch) => !isLeaf(branch) && last(branch, name, definition))));
}

/** The last task of a branch that makes something of this name and type. */
function last(branch: Group, name: string, { side, raw }: Definition): Channel | undefined {
  const found = [...branch.children.values()].filter((each) => {
    const own = isLeaf(each) ? each.outputs.get(name) : undefined;
    return own && own.side === side && JSON.stringify(own.raw) === JSON.stringify(raw);
  });
  const task = found.at(-1);
  return task && { kind: "output", task: task.key, name };
}

/** A choice that was only offered is made. */
export function settled(program: Program, channel: Channel): Channel {
  if (channel.kind !== "output" || !channel.name.startsWith(CHOICE)) return channel;
  const choice = [...everything(program.body)].find((each): each is Group => each.key === channel.task && !isLeaf(each));
  const name = channel.name.slice(CHOICE.length);
  const definition = choice && common(choice).get(name);
  if (!choice || !definition) throw new Impossible(`Not every branch of ${channel.task} makes ${name}`);
  const parts = [...choice.children.values()].flatMap((branch) => (isLeaf(branch) ? [] : (last(branch, name, definition) ?? [])));
  const same = choice.choices.find((each) => each.parts.length === parts.length && each.parts.every((part, i) => equal(part, parts[i] ?? part)));
  const made = same?.name ?? `${CHANNEL}${choice.key}-oneof-${choice.choices.length + 1}`;
  if (!same) choice.choices.push({ name: made, parts });
  return { kind: "output", task: choice.key, name: made };
}

/** What comes into a drawing from around it: of a group, everything that can be had there. */
export function entering(routing: Routing, group: Group): Map<string, Offer> {
  const { program } = routing;
  if (!group.parent) return new Map([...program.inputs].map(([name, definition]) => [name, { channel: { kind: "input", name }, definition, title: name, plain: true }]));
  const found = new Map<string, Offer>();
  const holes = routing.holes.get(group);
  const offer = (channel: Channel, title: string, shown = false) => {
    const name = routing.name(group, channel);
    found.set(name, { channel, definition: routing.definition(channel, group), title, plain: shown || (holes?.has(name) ?? false) });
  };
  for (const each of chain(group)) if (!isLeaf(each) && each.kind === "loop") items(each, offer, each === group);
  for (const { node, offers: given } of outside(routing, group)) for (const { channel, title } of given.values()) offer(channel, `${node.title} · ${title}`);
  for (const name of program.inputs.keys()) offer({ kind: "input", name }, name);
  return found;
}

function items(loop: Group, offer: (channel: Channel, title: string, shown: boolean) => void, own: boolean): void {
  const of = own ? "item" : `item of ${loop.key}`;
  offer({ kind: "item", loop: loop.key }, of, own);
  for (const name of fields(loop)) offer({ kind: "field", loop: loop.key, name }, `${of} · ${name}`, false);
}

/** The fields of a loop's items that are known: of a list that is written down, or because they are used. */
export function fields(loop: Group): string[] {
  const over = loop.loop?.over;
  const said = over && "raw" in over ? keysOf(over.raw) : [];
  const used = [...everything(loop)].flatMap((node) => (isLeaf(node) ? [...node.inputs.values()] : [])).flatMap(({ value }) => (value.kind === "channel" && value.channel.kind === "field" && value.channel.loop === loop.key ? [value.channel.name] : []));
  return [...new Set([...said, ...used])].sort();
}

function keysOf(raw: string): string[] {
  try {
    const [first] = JSON.parse(raw) as unknown[];
    return first && typeof first === "object" && !Array.isArray(first) ? Object.keys(first) : [];
  } catch {
    return [];
  }
}

interface Outside {
  node: { title: string };
  offers: Map<string, Offer>;
}

/** Tasks around a group that do not come after it. */
function outside(routing: Routing, group: Group): Outside[] {
  return chain(group).slice(1).flatMap((each) => {
    const around = each.parent as Group;
    const later = after(routing.program, each);
    const earlier = [...around.children.values()].filter((sibling) => sibling !== each && !later.has(sibling.key));
    return earlier.map((sibling) => ({ node: { title: titleOf(sibling) }, offers: offers(routing, sibling) }));
  });
}

function after(program: Program, node: Node): Set<string> {
  const around = node.parent as Group;
  const all = [...around.children.values()].map((each) => ({ key: each.key, waits: waits(program, each) }));
  const found = new Set<string>();
  for (let grown = -1; grown !== found.size; ) {
    grown = found.size;
    for (const each of all) if (each.waits.has(node.key) || [...each.waits].some((name) => found.has(name))) found.add(each.key);
  }
  return found;
}

export function titleOf(node: Node): string {
  const info = node.raw.taskInfo as { name?: unknown } | undefined;
  return String(info?.name ?? node.key);
}

/** What a node can be given, by the names of its ports. */
export function wanted(routing: Routing, node: Node): Map<string, { definition: Definition; title: string; channel?: Channel }> {
  if (isLeaf(node)) return declared(routing, node);
  const found = new Map<string, { definition: Definition; title: string; channel?: Channel }>();
  const over = node.loop?.over;
  const named = over && "channel" in over ? routing.name(node, over.channel) : undefined;
  if (node.loop) {
    const list: Definition = node.loop.artifact && over && "channel" in over ? routing.definition(over.channel, node) : { side: "parameters", raw: { parameterType: "LIST", isOptional: true } };
    found.set(node.loop.artifact ? FILES : ITEMS, { definition: list, title: "items", ...(over && "channel" in over ? { channel: over.channel } : {}) });
  }
  for (const { channel, title } of entering(routing, node).values()) {
    const name = routing.name(node, channel);
    const hole = routing.holes.get(node)?.get(name);
    if (hole?.given && name !== named) found.set(name, { definition: { side: hole.definition.side, raw: { ...hole.definition.raw, isOptional: true } }, title, channel });
  }
  return found;
}

function declared({ program }: Routing, node: Node): Map<string, { definition: Definition; title: string }> {
  const own = definitions(componentOf(program.document, node.raw).inputDefinitions);
  return new Map([...own].map(([name, definition]) => [name, { definition, title: name }]));
}
