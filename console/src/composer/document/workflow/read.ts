/** From a workflow's template to a graph: tasks are nodes, data and order are edges. */

import type { Library } from "../../library";
import { type Badge, type Component, EMPTY, type End, type Graph, type GraphEdge, type GraphNode, NO_PORTS, type TemplateRef, edgeId } from "../../model";
import { ANY, flowing } from "../../ports/fit";
import { declared, list, obj, read as readPorts } from "../../ports/read";
import { notes, places } from "../layout";
import * as depends from "./depends";
import { type Reference, references, within } from "./references";
import { type Call, type Obj, type TemplateAt, calls, kindOf, shape, specOf, template } from "./shape";

export function read(document: Obj, scope: string, library: Library): Graph {
  const found = template(document, scope);
  if (!found) return { ...EMPTY, notes: notes(document, scope), places: places(document, scope) };
  const all = shape(found.raw) === "leaf" ? [] : calls(found);
  const nodes = shape(found.raw) === "leaf" ? [leaf(document, found)] : all.map((call) => drawn(document, call, library));
  const edges = typed(nodes, [...new Map(all.flatMap((call) => incoming(call, all, nodes)).map((e) => [e.id, e])).values()]);
  return { nodes, edges, notes: notes(document, scope), places: places(document, scope) };
}

/** A template that runs by itself: one node, which can be put into a drawing. */
function leaf(document: Obj, { raw, path }: TemplateAt): GraphNode {
  const name = String(raw.name);
  const badges = retries(raw);
  return { id: name, title: name, detail: kindOf(raw), icon: iconOf(raw), group: "", ports: readPorts(raw, declared(document, name)), badges, path };
}

function drawn(document: Obj, call: Call, library: Library): GraphNode {
  const { component, raw } = made(document, call, library);
  const opens = raw && typeof call.raw.template === "string" && shape(raw) !== "leaf" ? call.raw.template : undefined;
  return {
    id: call.name,
    title: call.name,
    detail: component?.title ?? String(call.raw.template ?? refOf(call)?.template ?? "template"),
    icon: component?.icon ?? "",
    group: component?.group ?? "",
    ports: component?.ports ?? NO_PORTS,
    badges: [...badges(call), ...(raw ? retries(raw) : [])],
    path: call.path,
    given: new Set(given(call.raw).keys()),
    ...(opens ? { opens } : {}),
    ...(component ? {} : { unknown: true }),
  };
}

export function refOf(call: { raw: Obj }): TemplateRef | null {
  const ref = obj(call.raw.templateRef);
  if (!ref.name) return null;
  return { name: String(ref.name), template: String(ref.template), ...(ref.clusterScope ? { clusterScope: true } : {}) };
}

/** What a task calls; `raw` where the template stands in the document itself. */
export function made(document: Obj, call: { raw: Obj }, library: Library): { component?: Component | undefined; raw?: Obj } {
  const ref = refOf(call);
  if (ref) return { component: library.find(ref) };
  const raw = call.raw.inline ? obj(call.raw.inline) : template(document, String(call.raw.template))?.raw;
  return raw ? { component: own(document, raw), raw } : {};
}

/** A template of the document as a component of the palette. */
export function own(document: Obj, raw: Obj): Component {
  const name = String(raw.name ?? "inline");
  return {
    key: `own/${name}`,
    title: name,
    description: `A ${kindOf(raw)} of this document.`,
    group: "In this document",
    icon: iconOf(raw),
    ports: readPorts(raw, declared(document, name)),
    local: name,
  };
}

function iconOf(raw: Obj): string {
  const icons: Record<string, string> = { dag: "workflow", steps: "workflow", script: "file-code", suspend: "circle-pause", resource: "file-cog", http: "globe" };
  return icons[kindOf(raw)] ?? "box";
}

function badges({ raw }: Call): Badge[] {
  const found: Badge[] = [];
  if (raw.withItems) found.push({ icon: "loop", text: `for each of ${Array.isArray(raw.withItems) ? raw.withItems.length : "?"} items` });
  if (raw.withParam) found.push({ icon: "loop", text: `for each of ${String(raw.withParam)}` });
  if (raw.withSequence) found.push({ icon: "loop", text: `counted: ${sequence(obj(raw.withSequence))}` });
  if (raw.when) found.push({ icon: "when", text: `only when ${String(raw.when)}` });
  if (raw.continueOn) found.push({ icon: "anyway", text: "goes on even if it fails" });
  const hooks = [...Object.keys(obj(raw.hooks)), ...(raw.onExit ? ["exit"] : [])];
  if (hooks.length) found.push({ icon: "hook", text: `then: ${hooks.join(", ")}` });
  return found;
}

function sequence(said: Obj): string {
  return said.count !== undefined ? `${String(said.count)} times` : `${String(said.start ?? 0)} to ${String(said.end ?? "?")}`;
}

function retries(raw: Obj): Badge[] {
  const retry = raw.retryStrategy ? obj(raw.retryStrategy) : null;
  const found: Badge[] = retry ? [{ icon: "retry", text: retry.limit === undefined ? "tried again until it succeeds" : `tried again ${String(retry.limit)} times` }] : [];
  return raw.memoize ? [...found, { icon: "cache", text: "kept by a key" }] : found;
}

// ---- edges -------------------------------------------------------------------------------------

function incoming(call: Call, all: Call[], nodes: GraphNode[]): GraphEdge[] {
  const names = new Set(all.map((each) => each.name));
  const data = wires(call).filter(({ from }) => names.has(from.node) && from.node !== call.name);
  const fed = new Set(data.map((each) => each.from.node));
  const order = [...waited(call, all)]
    .filter(([name]) => names.has(name))
    // Data says the order, too: a second line between the same two would say nothing.
    .filter(([name, label]) => label || !fed.has(name))
    .map(([name, label]) => ({ ...edge({ node: name, port: "" }, { node: call.name, port: "" }, "order", label), ...(isStep(call) ? { implied: true } : {}) }));
  return [...data.filter(({ to }) => known(nodes, to)), ...order];
}

function known(nodes: GraphNode[], { node, port }: End): boolean {
  return port === "" || nodes.some((each) => each.id === node);
}

function edge(from: End, to: End, kind: GraphEdge["kind"], label = ""): GraphEdge {
  return { id: edgeId(from, to), from, to, kind, ...(label ? { label } : {}) };
}

/** Arguments by name, as text. */
export function given(raw: Obj): Map<string, string> {
  const args = obj(raw.arguments);
  const parameters = list(args.parameters).map((each): [string, string] => [String(each.name), text(each.value ?? each.valueFrom)]);
  const artifacts = list(args.artifacts).map((each): [string, string] => {
    const { name: _, from, fromExpression, ...place } = each;
    return [String(each.name), text(from ?? fromExpression ?? (Object.keys(place).length ? place : undefined))];
  });
  return new Map([...parameters, ...artifacts]);
}

function text(value: unknown): string {
  if (value === undefined || value === null) return "";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

function wires(call: Call): GraphEdge[] {
  const args = [...given(call.raw)].flatMap(([name, said]) => references(said).map((ref) => wire(ref, call.name, name)));
  const other = within([call.raw.when, call.raw.withParam, call.raw.withSequence]).map((ref) => wire(ref, call.name, ""));
  return [...args, ...other];
}

function wire(ref: Reference, node: string, port: string): GraphEdge {
  return edge({ node: ref.node, port: ref.port }, { node, port }, "data");
}

const STATES: Record<string, string> = {
  Succeeded: "if it succeeds",
  Failed: "if it fails",
  Errored: "if it breaks",
  Skipped: "if it is skipped",
  Omitted: "if it is left out",
  Daemoned: "when it serves",
  AnySucceeded: "if any succeeds",
  AllFailed: "if all fail",
};

function isStep({ path }: Call): boolean {
  return path.includes("steps");
}

/** Names of what it waits for, with what is said of the wait. */
function waited(call: Call, all: Call[]): Map<string, string> {
  if (isStep(call))
    return new Map(all.filter((each) => each.group === call.group - 1).map((each) => [each.name, ""]));
  const named = new Map((Array.isArray(call.raw.dependencies) ? call.raw.dependencies : []).map((name) => [String(name), ""]));
  const expression = typeof call.raw.depends === "string" ? depends.parse(call.raw.depends) : null;
  for (const [name, states] of expression ? depends.tasks(expression) : []) named.set(name, worded(states));
  return named;
}

export function worded(states: ReadonlySet<string>): string {
  const said = [...states].filter(Boolean).map((state) => STATES[state] ?? state);
  if (said.length > 1 && states.has("Failed") && states.has("Succeeded")) return "whatever becomes of it";
  return said.join(" or ");
}

/** Edges with the types that flow along them; a circle ends where it began. */
function typed(nodes: GraphNode[], edges: GraphEdge[]): GraphEdge[] {
  const byId = new Map(nodes.map((each) => [each.id, each]));
  const into = new Map(nodes.map((each) => [each.id, edges.filter((one) => one.to.port && one.to.node === each.id)]));
  const known = new Map<string, string>();
  const typeOf = ({ node, port }: End): string => {
    const key = `${node}.${port}`;
    const kept = known.get(key);
    if (kept) return kept;
    known.set(key, ANY);
    const wired = new Map((into.get(node) ?? []).map((each) => [each.to.port, typeOf(each.from)]));
    const found = flowing(byId.get(node)?.ports ?? NO_PORTS, port, wired);
    known.set(key, found);
    return found;
  };
  for (const each of nodes) each.ports = { ...each.ports, outputs: each.ports.outputs.map((port) => ({ ...port, types: [typeOf({ node: each.id, port: port.name })] })) };
  return edges.map((each) => (each.kind === "data" ? { ...each, type: typeOf(each.from) } : each));
}

/** Parameters that the whole document is given. */
export function asked(document: Obj): Obj[] {
  return list(obj(specOf(document).arguments).parameters);
}
