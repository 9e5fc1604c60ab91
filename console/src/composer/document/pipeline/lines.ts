/** Lines of a drawing, drawn and taken away: what a port on either side stands for is joined, across every border between. */

import type { End, GraphEdge } from "../../model";
import { Refused, free } from "../workflow/parts";
import * as conditions from "./conditions";
import type { Hand } from "./change";
import { checkOrder, consumed, equal, nodeHere, order, redirect, redirectNode, setInput, unorder } from "./edit";
import { FILES, INPUTS, ITEMS, OUTPUTS, entering, offers, settled, wanted } from "./ends";
import type { Definition, Obj } from "./ir";
import { Routing } from "./lower";
import { type Channel, type Group, type Node, chain, everything, isLeaf } from "./program";
import { typeOf } from "./types";

export function connect(hand: Hand, from: End, to: End): void {
  if (to.node === OUTPUTS) give(hand, from, to.port);
  else if (from.node === INPUTS && !from.port) ask(hand, to);
  else if (!from.port || !to.port) order(hand, from.node, to.node);
  else join(hand, channelOf(hand, from), nodeHere(hand, to.node), to.port);
}

/** What an end of a line gives. */
export function channelOf({ program, group }: Hand, { node, port }: End): Channel {
  const routing = new Routing(program);
  const all = node === INPUTS ? entering(routing, group) : offers(routing, nodeHere({ group }, node));
  const found = all.get(port);
  if (!found) throw new Refused(`${node} gives no ${port}`);
  return settled(program, found.channel);
}

function join(hand: Hand, channel: Channel, node: Node, port: string): void {
  const routing = new Routing(hand.program);
  checkOrder(hand.program, channel, node);
  const end = wanted(routing, node).get(port);
  if (isLeaf(node)) {
    if (!end) throw new Refused(`${node.key} has no input ${port}`);
    fits(routing, channel, node, end.definition);
    learned(routing, channel, node, end.definition);
    setInput(hand, node, port, end.definition.side, { kind: "channel", channel });
    return;
  }
  if (port === ITEMS || port === FILES) {
    loopOver(routing, node, channel);
    return;
  }
  if (!end?.channel) throw new Refused(`${node.key} has no ${port}`);
  fits(routing, channel, node, end.definition);
  instead(node, end.channel, channel);
}

/** Of a list whose items nobody has named a type of, the first who gets one tells it. */
function learned(routing: Routing, channel: Channel, consumer: Node, { side, raw }: Definition): void {
  if ((channel.kind !== "item" && channel.kind !== "field") || side !== "parameters") return;
  const over = routing.loop(channel.loop).loop?.over;
  const name = routing.name(consumer, channel);
  const used = [...everything(routing.program.body)].some((node) => consumed(node).some((each) => equal(each, channel)));
  if (over && "channel" in over && !used) routing.program.known.set(name, { parameterType: raw.parameterType });
}

/** Upstream's compiler takes only what is of the same type; the item of an unknown list it takes anywhere. */
export function fits(routing: Routing, channel: Channel, consumer: Node, to: Definition): void {
  const own = routing.definition(channel, consumer);
  const [given, asked] = [typeOf(own), typeOf(to)];
  const loose = (channel.kind === "item" || channel.kind === "field") && given === "text";
  const lists = given.startsWith("list/") === asked.startsWith("list/");
  const bare = (type: string) => type.replace(/^list\//, "");
  const any = own.side === "artifacts" && lists && (bare(given) === "any" || bare(asked) === "any");
  if (own.side !== to.side) throw new Refused(own.side === "artifacts" ? "This is a file, and a value is needed" : "This is a value, and a file is needed");
  if (given !== asked && !any && !loose) throw new Refused(`${given} does not fit: ${asked} is needed`);
}

export function loopOver(routing: Routing, loop: Group, channel: Channel): void {
  const { side, raw } = routing.definition(channel, loop);
  if (side === "parameters" && raw.parameterType !== "LIST" && channel.kind !== "item" && channel.kind !== "field") throw new Refused("A loop goes over a list");
  if (side === "artifacts" && !raw.isArtifactList) throw new Refused("A loop goes over a list of files, and this is one");
  loop.loop = { over: { channel }, artifact: side === "artifacts", code: "" };
}

/** Whatever in a group gets one value, gets another. */
function instead(group: Group, old: Channel, now: Channel): void {
  const change = (each: Channel) => (equal(each, old) ? now : each);
  redirectNode(group, change);
  for (const node of everything(group)) redirectNode(node, change);
}

// ---- the border ------------------------------------------------------------------------------------

/** A new input of the pipeline, as a port wants it. */
function ask(hand: Hand, to: End): void {
  const { program, group } = hand;
  if (group.parent) throw new Refused("Inputs are the pipeline's: add one there");
  const node = nodeHere(hand, to.node);
  const end = wanted(new Routing(program), node).get(to.port);
  if (!end) throw new Refused("Begin at one of its inputs");
  const { isOptional: _, ...raw } = end.definition.raw;
  const name = free_(to.port.startsWith(":") ? "items" : to.port, program.inputs.keys());
  program.inputs.set(name, { side: end.definition.side, raw: raw.defaultValue === undefined ? raw : { ...raw, isOptional: true } });
  join(hand, { kind: "input", name }, node, to.port);
}

/** Names of inputs and outputs are names of Python. */
export function free_(wanted: string, taken: Iterable<string>, reserved = "Output"): string {
  return free(wanted === reserved ? "value" : wanted.replace(/[^0-9A-Za-z_]+/g, "_"), taken).replaceAll("-", "_");
}

/** What the pipeline gives back: under a name that is there, or another. */
function give(hand: Hand, from: End, name: string): void {
  const { program, group } = hand;
  if (from.node === INPUTS) throw new Refused("What comes in need not be given back");
  const channel = channelOf(hand, from);
  if (channel.kind !== "output") throw new Refused("Only what a task makes can be given back");
  const own = new Routing(program).made(channel);
  const collected = chain(new Routing(program).producer(channel)).slice(chain(group).length, -1).length > 0;
  const definition = collected ? listed(own) : own;
  const old = program.outputs.get(name);
  if (old && typeOf(old.definition) !== typeOf(definition)) throw new Refused(`${typeOf(definition)} does not fit: ${name} is ${typeOf(old.definition)}`);
  const last = channel.name.split("--").at(-1) ?? channel.name;
  program.outputs.set(old ? name : free_(program.outputs.size === 0 ? "Output" : last === "Output" ? channel.task : last, program.outputs.keys(), ""), { definition: old?.definition ?? definition, from: channel });
}

function listed({ side, raw }: Definition): Definition {
  const own: Obj = side === "artifacts" ? { ...raw, isArtifactList: true } : { parameterType: "LIST" };
  return { side, raw: own };
}

// ---- away ------------------------------------------------------------------------------------------

export function disconnect(hand: Hand, edge: GraphEdge): void {
  const { program } = hand;
  if (edge.to.node === OUTPUTS) {
    program.outputs.delete(edge.to.port);
    return;
  }
  if (edge.kind === "order") unorder(hand, edge.from.node, edge.to.node);
  else cut(hand, nodeHere(hand, edge.to.node), edge.to.port);
}

/** An input gets nothing any more. */
export function cut(hand: Hand, node: Node, port: string): void {
  if (isLeaf(node)) {
    const side = node.inputs.get(port)?.side;
    if (side) setInput(hand, node, port, side, null);
    return;
  }
  if ((port === ITEMS || port === FILES) && node.loop) {
    node.loop = { over: { raw: "[1, 2, 3]" }, artifact: false, code: node.key.replace(/^.*-/, "") };
    return;
  }
  const channel = wanted(new Routing(hand.program), node).get(port)?.channel;
  if (!channel) return;
  if (node.when && conditions.channels(node.when).some((each) => equal(each, channel))) throw new Refused(`${node.key} asks for it: change its condition`);
  const change = (each: Channel) => (equal(each, channel) ? null : each);
  for (const each of everything(node)) redirectNode(each, change);
}

export function renamePort(hand: Hand, side: "inputs" | "outputs", old: string, now: string): void {
  const { program } = hand;
  const all: Map<string, unknown> = program[side];
  if (!/^[A-Za-z_]\w*$/.test(now)) throw new Refused("A name of letters, digits and _, as Python has them");
  if (all.has(now)) throw new Refused(`There is already ${now}`);
  const entries = [...all].map(([name, each]): [string, unknown] => [name === old ? now : name, each]);
  all.clear();
  for (const [name, each] of entries) all.set(name, each);
  if (side === "inputs") redirect(program, (channel) => (channel.kind === "input" && channel.name === old ? { kind: "input", name: now } : channel));
}

export function removeInput({ program }: Hand, name: string): void {
  program.inputs.delete(name);
  redirect(program, (channel) => (channel.kind === "input" && channel.name === name ? null : channel));
}
