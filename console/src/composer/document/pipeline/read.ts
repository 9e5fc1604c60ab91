/** From a pipeline to a graph: tasks and groups are nodes, what they are given are edges, the drawing's border is a node on either side. */

import { type Badge, EMPTY, type Graph, type GraphEdge, type GraphNode, NO_PORTS, type Path, type Port, type Ports, edgeId } from "../../model";
import { obj } from "../../ports/read";
import { notes, places } from "../layout";
import type * as conditions from "./conditions";
import { said } from "./edit";
import { INPUTS, ITEMS, OUTPUTS, entering, offers, titleOf, wanted } from "./ends";
import { ALWAYS, type Definition, type Obj, componentName, componentOf, executorOf, holder, holderPath, kindOf, tasksOf } from "./ir";
import { Impossible, Routing, programOf, readable } from "./lower";
import { type Channel, type Group, type Node, type Program, groupOf, isLeaf } from "./program";
import { branches, isElse, own } from "./wrap";
import { portOf, typeOf, written } from "./types";

export function read(document: Obj, scope: string): Graph {
  try {
    return whole(document, scope);
  } catch (problem) {
    if (problem instanceof Impossible) return bare(document, scope);
    throw problem;
  }
}

/** What says something that cannot be: its tasks, and nothing about what flows. */
function bare(document: Obj, scope: string): Graph {
  const path = [...holderPath(scope), "dag", "tasks"];
  const nodes = tasksOf(holder(document, scope)).map(([id, task]): GraphNode => {
    const kind = kindOf(document, task);
    const opens = componentOf(document, task).dag === undefined ? {} : { opens: componentName(task) };
    return { id, title: id, detail: WORDS[kind] ?? kind, icon: ICONS[kind] ?? "box", group: "", ports: NO_PORTS, badges: [], path: [...path, id], ...opens };
  });
  return { nodes, edges: [], notes: notes(document, scope), places: places(document, scope) };
}

function whole(document: Obj, scope: string): Graph {
  const program = programOf(document, scope);
  const group = groupOf(program, scope);
  if (!group) return { ...EMPTY, notes: notes(document, scope), places: places(document, scope) };
  const routing = new Routing(program);
  const path = [...holderPath(scope), "dag", "tasks"];
  const nodes = [...group.children.values()].map((node) => drawn(routing, node, [...path, node.key]));
  const border = [inputs(routing, group, scope), ...(group.parent ? [] : [outputs(program, scope)])].filter((each) => each !== null);
  const edges = [...group.children.values()].flatMap((node) => incoming(routing, group, node));
  const all = typed([...border, ...nodes], [...edges, ...(group.parent ? [] : leaving(routing, group))]);
  return { nodes: [...border, ...nodes], edges: all, notes: notes(document, scope), places: places(document, scope) };
}

// ---- nodes ---------------------------------------------------------------------------------------

const ICONS: Record<string, string> = { loop: "repeat", condition: "git-branch", branches: "split", exit: "log-out", pipeline: "workflow", importer: "file-down", component: "file-code" };
const WORDS: Record<string, string> = { loop: "loop", condition: "condition", branches: "choice", exit: "exit handler", pipeline: "pipeline", importer: "importer", component: "component" };

function drawn(routing: Routing, node: Node, path: Path): GraphNode {
  const { document } = routing.program;
  const kind = kindOf(document, node.raw);
  const inner = isLeaf(node) ? (kind === "pipeline" ? componentName(node.raw) : undefined) : node.component;
  const title = titleOf(node);
  return {
    id: node.key,
    title: title === node.key && !isLeaf(node) ? headline(node) : title,
    detail: kind === "component" ? made(document, node) : (WORDS[kind] ?? kind),
    icon: ICONS[kind] ?? "box",
    group: "",
    ports: portsOf(routing, node),
    badges: badges(node),
    path,
    given: new Set(given(routing, node).keys()),
    ...(inner ? { opens: inner } : {}),
  };
}

/** What a component is made of: its own name, where the task has another. */
function made(document: Obj, node: Node): string {
  const container = obj(executorOf(document, componentOf(document, node.raw)).container);
  const args = Array.isArray(container.args) ? container.args.map(String) : [];
  const called = args[args.indexOf("--function_to_execute") + 1];
  if (args.includes("--function_to_execute") && called) return `${called}()`;
  return String(container.image ?? "component").replace(/^.*\/(?=[^/]+$)/, "");
}

/** A group in words. */
export function headline(group: Group): string {
  if (group.loop) return "channel" in group.loop.over ? `For each of ${said(group.loop.over.channel)}` : `For each of ${count(group.loop.over.raw)}`;
  if (group.kind === "condition") return asks(group);
  if (group.kind === "branches") return branches(group).length > 1 ? "One of these" : "A choice";
  return "Try";
}

function count(raw: string): string {
  try {
    const found = JSON.parse(raw) as unknown[];
    return `${found.length} item${found.length === 1 ? "" : "s"}`;
  } catch {
    return "a list";
  }
}

export function asks(group: Group): string {
  if (isElse(group)) return "Else";
  const terms = group.parent?.kind === "branches" ? own(group) : (group.when?.of ?? []);
  if (!group.when?.of) return group.when?.text ? "If …" : "Condition";
  const first = group.parent?.kind === "branches" && branches(group.parent)[0] !== group;
  return `${first ? "Else if" : "If"} ${terms.map(compared).join(" and ")}`;
}

function compared({ left, operator, right, not }: conditions.Comparison<Channel>): string {
  const text = `${operand(left)} ${operator} ${operand(right)}`;
  return not ? `not ${text}` : text;
}

function operand(one: conditions.Operand<Channel>): string {
  return "channel" in one ? said(one.channel) : typeof one.value === "string" ? `"${one.value}"` : String(one.value);
}

function badges(node: Node): Badge[] {
  const { raw } = node;
  const found: Badge[] = [];
  const limit = obj(raw.iteratorPolicy).parallelismLimit;
  if (limit) found.push({ icon: "loop", text: `${String(limit)} at a time` });
  if (obj(raw.triggerPolicy).strategy === ALWAYS) found.push({ icon: "anyway", text: "whatever becomes of the others" });
  const retries = obj(raw.retryPolicy).maxRetryCount;
  if (retries) found.push({ icon: "retry", text: `tried again ${String(retries)} times` });
  if (isLeaf(node) && !obj(raw.cachingOptions).enableCache) found.push({ icon: "cache", text: "never taken from before" });
  return found;
}

function portsOf(routing: Routing, node: Node): Ports {
  const inputs = [...wanted(routing, node)].map(([name, { definition, title }]) => named(portOf(name, definition, true), title));
  return { inputs, outputs: [...offers(routing, node)].map(([name, offer]) => given_(name, offer)) };
}

function named(port: Port, title: string): Port {
  return title === port.name ? port : { ...port, title };
}

function given_(name: string, { definition, title, plain, channel }: { definition: Definition; title: string; plain: boolean; channel: Channel }): Port {
  const port = named(portOf(name, definition, false), title);
  const { default: _, enum: __, required: ___, ...rest } = port;
  // Upstream lets the item of a list whose type nobody knows go anywhere.
  const loose = (channel.kind === "item" || channel.kind === "field") && typeOf(definition) === "text";
  return { ...rest, ...(loose ? { types: ["any"] } : {}), ...(plain ? {} : { quiet: true }) };
}

function inputs(routing: Routing, group: Group, scope: string): GraphNode | null {
  const all = entering(routing, group);
  if (group.parent && all.size === 0) return null;
  const outputs = [...all].map(([name, offer]) => given_(name, offer));
  const detail = group.parent ? "what comes from outside" : outputs.length ? "asked for at each run" : "none yet";
  return { id: INPUTS, title: "Inputs", detail, icon: "log-in", group: "", ports: { inputs: [], outputs }, badges: [], path: [...holderPath(scope), "inputDefinitions"], border: group.parent ? "outside" : "inputs" };
}

function outputs(program: Program, scope: string): GraphNode {
  const found = [...program.outputs].map(([name, { definition }]) => portOf(name, { side: definition.side, raw: { ...definition.raw, isOptional: true } }, true));
  return {
    id: OUTPUTS, title: "Outputs", detail: found.length ? "what the pipeline gives back" : "none yet", icon: "log-out", group: "",
    ports: { ...NO_PORTS, inputs: found }, badges: [], path: [...holderPath(scope), "outputDefinitions"], border: "outputs",
  };
}

// ---- edges ---------------------------------------------------------------------------------------

/** By port: what a node is given. */
function given(routing: Routing, node: Node): Map<string, Channel | null> {
  if (isLeaf(node)) return new Map([...node.inputs].map(([name, { value }]) => [name, value.kind === "channel" ? value.channel : null]));
  const over = node.loop?.over;
  const all = [...wanted(routing, node)].flatMap(([name, { channel }]): [string, Channel | null][] => (channel ? [[name, channel]] : []));
  return new Map(over && "raw" in over ? [...all, [ITEMS, null]] : all);
}

function incoming(routing: Routing, group: Group, node: Node): GraphEdge[] {
  const data = [...given(routing, node)].flatMap(([port, channel]): GraphEdge[] => {
    const from = channel && origin(routing, group, channel);
    return from ? [edge(from, { node: node.key, port }, "data")] : [];
  });
  const fed = new Set(data.map((each) => each.from.node));
  const waits = [...node.after, ...(routing.waits.get(node) ?? [])].filter((name) => group.children.has(name) && !fed.has(name));
  return [...data, ...[...new Set(waits)].map((name) => edge({ node: name, port: "" }, { node: node.key, port: "" }, "order"))];
}

/** The port of this drawing at which a value comes in. */
export function origin(routing: Routing, group: Group, channel: Channel): GraphEdge["from"] | null {
  if (channel.kind === "output") {
    for (const node of group.children.values())
      for (const [port, offer] of offers(routing, node)) if (offer.channel.kind === "output" && offer.channel.task === channel.task && offer.channel.name === channel.name) return { node: node.key, port };
  }
  if (!group.parent) return channel.kind === "input" ? { node: INPUTS, port: channel.name } : null;
  const port = routing.name(group, channel);
  return { node: INPUTS, port };
}

function leaving(routing: Routing, group: Group): GraphEdge[] {
  return [...routing.program.outputs].flatMap(([name, { from }]): GraphEdge[] => {
    const source = from && origin(routing, group, from);
    return source ? [edge(source, { node: OUTPUTS, port: name }, "data")] : [];
  });
}

function edge(from: GraphEdge["from"], to: GraphEdge["to"], kind: GraphEdge["kind"]): GraphEdge {
  return { id: edgeId(from, to), from, to, kind };
}

function typed(nodes: GraphNode[], edges: GraphEdge[]): GraphEdge[] {
  const types = new Map(nodes.flatMap((node) => node.ports.outputs.map((port) => [`${node.id} ${port.name}`, port.types[0] ?? "any"] as const)));
  return edges.map((each) => (each.kind === "data" ? { ...each, type: types.get(`${each.from.node} ${each.from.port}`) ?? "any" } : each));
}

// ---- values --------------------------------------------------------------------------------------

export interface Given {
  /** A constant, as people type it. */
  text: string;
  /** Where it comes from, in words. */
  from: string;
}

/** What is given to a node, by port. */
export function values(document: Obj, scope: string, id: string): Map<string, Given> {
  const program = readable(document, scope);
  const node = program && groupOf(program, scope)?.children.get(id);
  if (!node) return new Map();
  if (!isLeaf(node)) return new Map([...given(new Routing(program), node)].map(([name, channel]) => [name, { text: "", from: channel ? said(channel) : "" }]));
  return new Map([...node.inputs].map(([name, { value }]) => [name, value.kind === "channel" ? { text: "", from: told(value) } : rawly(value.raw)]));
}

function told({ channel, selector }: { channel: Channel; selector?: string }): string {
  return selector ? `${said(channel)}, ${selector}` : said(channel);
}

function rawly(raw: Obj): Given {
  const constant = obj(raw.runtimeValue).constant;
  if (raw.taskFinalStatus) return { text: "", from: `how ${String(obj(raw.taskFinalStatus).producerTask)} ended` };
  return constant === undefined ? { text: "", from: JSON.stringify(raw) } : { text: written(constant), from: "" };
}
