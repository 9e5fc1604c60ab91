/** What the mouse and the keyboard do to a workflow: each function changes the document, or refuses with a reason. */

import { isSeq } from "yaml";
import type { Component, End, GraphEdge, Path, Place, PortKind } from "../../model";
import { follow, followScope, move } from "../layout";
import { type Source, drop, plain, put } from "../yaml";
import {
  Refused, addTemplate, before, callAt, callsIn, free, isDag, named, plainAt, replaceScalar, rewrite, seqAt, setArgument,
  speaking, templateNames, wait, waitForData, waitNoMore, waitsFor,
} from "./parts";
import * as depends from "./depends";
import { reference, rewritten, within } from "./references";
import { type Call, type Obj, shape, specPath, template, templates } from "./shape";

/** A scope that can be drawn in: made if it is not there; a single step becomes the first task of a dag around it. */
export function drawable(document: Source, scope: string): string {
  const found = template(plain(document), scope);
  if (found && shape(found.raw) !== "leaf") return scope;
  const outer = addTemplate(document, { name: found ? free("main", templateNames(document)) : scope, dag: { tasks: [] } });
  const spec = specPath(plain(document));
  const path = template(plain(document), outer)?.path ?? [];
  if (found) seqAt(document, [...path, "dag", "tasks"]).add(document.createNode({ name: scope, template: scope }));
  const entry = document.getIn([...spec, "entrypoint"]);
  if (!entry || entry === scope) document.setIn([...spec, "entrypoint"], outer);
  return outer;
}

/** Adds a task (a step: in a group of its own, the last) and returns its name. */
export function add(document: Source, scope: string, component: Component, at?: Place): string {
  const within = drawable(document, scope);
  const target = component.fresh ? addTemplate(document, component.fresh) : component.local;
  const name = free(target ?? component.ref?.template ?? "step", callsIn(document, within).map((each) => each.name));
  const task = component.ref ? { name, templateRef: document.createNode({ ...component.ref }, { flow: true }) } : { name, template: target };
  insert(document, within, task);
  if (at) move(document, within, new Map([[name, at]]));
  return name;
}

export function insert(document: Source, scope: string, task: unknown): void {
  const path = template(plain(document), scope)?.path ?? [];
  const node = document.createNode(task);
  if (isDag(document, scope)) seqAt(document, [...path, "dag", "tasks"]).add(node);
  else seqAt(document, [...path, "steps"]).add(document.createNode([node]));
}

// ---- edges -------------------------------------------------------------------------------------

export function connect(document: Source, scope: string, from: End, to: End, kind: PortKind | "order"): void {
  if (from.node === to.node) throw new Refused("A step cannot wait for itself");
  const dag = isDag(document, scope);
  if (dag && before(callsIn(document, scope), from.node).has(to.node)) throw new Refused(`${from.node} comes after ${to.node}: this would be a circle`);
  if (!dag) later(document, scope, from.node, to.node);
  if (kind !== "order" && to.port) {
    const text = reference(dag ? "tasks" : "steps", { node: from.node, port: from.port, kind });
    setArgument(document, callAt(document, scope, to.node).path, kind, to.port, text);
  }
  if (!dag) return;
  const all = callsIn(document, scope);
  if (kind === "order" || !before(all, to.node).has(from.node)) wait(document, scope, to.node, from.node);
}

/** Steps: what uses something stands in a later group. */
function later(document: Source, scope: string, first: string, second: string): void {
  const from = callAt(document, scope, first);
  const to = callAt(document, scope, second);
  if (to.group > from.group) return;
  const users = callsIn(document, scope).filter((each) => within(speaking(each.raw)).some((ref) => ref.node === second));
  if (users.some((each) => each.group <= from.group + 1 && each.name !== second))
    throw new Refused(`${users[0]?.name} uses ${second} and comes before ${first}`);
  toGroup(document, scope, second, from.group + 1);
}

/** Moves a step into another group; one that is not there is made, one that is empty goes. */
export function toGroup(document: Source, scope: string, id: string, group: number): void {
  const call = callAt(document, scope, id);
  const steps = seqAt(document, [...(template(plain(document), scope)?.path ?? []), "steps"]);
  const old = steps.items[call.group];
  const node: unknown = document.getIn(call.path, true);
  if (!isSeq(old)) return;
  old.items = old.items.filter((each) => each !== node);
  const there = steps.items[group];
  if (isSeq(there)) there.add(node);
  else steps.add(document.createNode([node]));
  steps.items = steps.items.filter((each) => !isSeq(each) || each.items.length > 0);
}

export function disconnect(document: Source, scope: string, edge: GraphEdge): void {
  const { path, raw, group } = callAt(document, scope, edge.to.node);
  if (edge.kind === "data" && edge.to.port) {
    for (const kind of ["artifact", "parameter"] as const) unset(document, path, kind, edge);
  } else if (edge.kind === "data") {
    throw new Refused(`${edge.to.node} speaks of ${edge.from.node} in its condition or loop: change it there`);
  }
  if (!isDag(document, scope)) {
    if (edge.kind === "order" && !within(speaking(raw)).some((ref) => ref.node === edge.from.node)) toGroup(document, scope, edge.to.node, group - 1);
    return;
  }
  const left = within(speaking(callAt(document, scope, edge.to.node).raw));
  if (!left.some((ref) => ref.node === edge.from.node)) waitNoMore(document, path, edge.from.node);
  waitForData(document, scope, edge.to.node);
}

function unset(document: Source, path: Path, kind: PortKind, { from, to }: GraphEdge): void {
  const all = plainAt(document, [...path, "arguments", kind === "artifact" ? "artifacts" : "parameters"]);
  const said = (Array.isArray(all) ? all : []).find((each: Obj) => each.name === to.port);
  if (said && within(said).some((ref) => ref.node === from.node && ref.port === from.port)) setArgument(document, path, kind, to.port, null);
}

/** In which states of `from` the task `to` goes on: upstream's usual ones when none is named. */
export function setStates(document: Source, scope: string, from: string, to: string, states: readonly string[]): void {
  if (!isDag(document, scope)) throw new Refused("Only tasks of a DAG wait for a state: in steps, use continueOn");
  wait(document, scope, to, from, states.length ? states : [""]);
}

// ---- tasks -------------------------------------------------------------------------------------

export function remove(document: Source, scope: string, ids: Iterable<string>): void {
  const gone = new Set(ids);
  for (const call of callsIn(document, scope)) if (!gone.has(call.name)) forget(document, scope, call.name, gone);
  const paths = callsIn(document, scope).filter((each) => gone.has(each.name)).map((each) => each.path);
  for (const path of paths.reverse()) document.deleteIn(path);
  const found = template(plain(document), scope);
  const steps: unknown = found && document.getIn([...found.path, "steps"], true);
  if (isSeq(steps)) steps.items = steps.items.filter((each) => !isSeq(each) || each.items.length > 0);
  follow(document, scope, new Map([...gone].map((id) => [id, null])));
}

/** What a task says of others that are gone goes too. */
export function forget(document: Source, scope: string, id: string, gone: ReadonlySet<string>): void {
  const { raw, path } = callAt(document, scope, id);
  for (const name of waitsFor(raw)) if (gone.has(name)) waitNoMore(document, path, name);
  for (const [kind, side] of [["artifact", "artifacts"], ["parameter", "parameters"]] as const) {
    const all = plainAt(document, [...path, "arguments", side]);
    for (const each of (Array.isArray(all) ? all : []) as Obj[])
      if (within(each).some((ref) => gone.has(ref.node))) setArgument(document, path, kind, String(each.name), null);
  }
  for (const key of ["when", "withParam", "withSequence"])
    if (within(raw[key]).some((ref) => gone.has(ref.node))) document.deleteIn([...path, key]);
  if (isDag(document, scope)) waitForData(document, scope, id);
}

/** With every word of it in the same drawing. */
export function rename(document: Source, scope: string, id: string, wanted: string): void {
  if (id === wanted) return;
  const name = named(wanted, callsIn(document, scope).map((each) => each.name));
  const { path } = callAt(document, scope, id);
  const names = new Map([[id, name]]);
  const found = template(plain(document), scope);
  if (!found) return;
  rewrite(document.getIn(found.path, true), (text) => rewritten(text, names));
  for (const call of callsIn(document, scope)) renameWaits(document, call.path, call.raw, names);
  replaceScalar(document, [...path, "name"], name);
  follow(document, scope, names);
}

export function renameWaits(document: Source, path: Path, raw: Obj, names: ReadonlyMap<string, string>): void {
  const expression = typeof raw.depends === "string" ? depends.parse(raw.depends) : null;
  if (expression && [...depends.tasks(expression).keys()].some((name) => names.has(name)))
    replaceScalar(document, [...path, "depends"], depends.print(depends.renamed(expression, names)));
  for (const [i, name] of (Array.isArray(raw.dependencies) ? raw.dependencies : []).entries())
    if (names.has(String(name))) replaceScalar(document, [...path, "dependencies", i], names.get(String(name)));
}

/** A field of a task or template; null or '' takes it away. */
export function setField(document: Source, path: Path, key: string, value: unknown): void {
  const at = [...path, key];
  if (value === null || value === "") document.deleteIn(at);
  else if (typeof value === "string" || typeof value === "number") replaceScalar(document, at, value);
  else put(document, at, value, true);
}

export type Loop = { kind: "none" } | { kind: "items"; items: unknown[] } | { kind: "param"; text: string } | { kind: "sequence"; count: string };

export function setLoop(document: Source, path: Path, loop: Loop): void {
  for (const key of ["withItems", "withParam", "withSequence"]) document.deleteIn([...path, key]);
  if (loop.kind === "items") put(document, [...path, "withItems"], loop.items, true);
  if (loop.kind === "param") put(document, [...path, "withParam"], loop.text);
  if (loop.kind === "sequence") put(document, [...path, "withSequence"], { count: loop.count }, true);
}

// ---- templates ---------------------------------------------------------------------------------

export function renameTemplate(document: Source, name: string, wanted: string): void {
  if (name === wanted) return;
  named(wanted, templateNames(document));
  const found = template(plain(document), name);
  if (!found) throw new Refused(`There is no template ${name}`);
  for (const { raw } of templates(plain(document)))
    for (const call of callsIn(document, String(raw.name))) recall(document, call, name, wanted);
  const spec = specPath(plain(document));
  for (const key of ["entrypoint", "onExit"]) if (document.getIn([...spec, key]) === name) replaceScalar(document, [...spec, key], wanted);
  replaceScalar(document, [...found.path, "name"], wanted);
  followScope(document, name, wanted);
}

/** A call, and the hooks of it, by the template's new name. */
function recall(document: Source, { raw, path }: Call, name: string, wanted: string): void {
  if (raw.template === name && !raw.templateRef) replaceScalar(document, [...path, "template"], wanted);
  for (const [hook, said] of Object.entries((raw.hooks ?? {}) as Record<string, Obj>))
    if (said?.template === name) replaceScalar(document, [...path, "hooks", hook, "template"], wanted);
}

export function removeTemplate(document: Source, name: string): void {
  const all = templates(plain(document));
  const user = all.find(({ raw }) => callsIn(document, String(raw.name)).some((call) => call.raw.template === name && !call.raw.templateRef));
  if (user) throw new Refused(`${String(user.raw.name)} still uses it`);
  const found = all.find(({ raw }) => raw.name === name);
  if (found) document.deleteIn(found.path);
  followScope(document, name, null);
}

/** A shared component becomes a template of the document, so that it can be edited; the task calls that. */
export function localise(document: Source, scope: string, id: string, component: Component): string {
  const { raw, path } = callAt(document, scope, id);
  if (!component.raw || !raw.templateRef) throw new Refused(`${id} is already of this document`);
  const name = addTemplate(document, { ...component.raw });
  document.deleteIn([...path, "templateRef"]);
  document.setIn([...path, "template"], name);
  keepTypes(document, name, component);
  return name;
}

const PORTS: Path = ["metadata", "annotations", "pinnace.dev/ports"];

function keepTypes(document: Source, name: string, { ports }: Component): void {
  const typesOf = (side: typeof ports.inputs) =>
    Object.fromEntries(side.map((port) => [port.name, { type: port.types.length === 1 ? port.types[0] : port.types, ...(port.like ? { like: port.like } : {}) }]));
  const said = JSON.parse(String(document.getIn(PORTS) ?? "{}")) as { templates?: Obj };
  const text = JSON.stringify({ ...said, templates: { ...said.templates, [name]: { inputs: typesOf(ports.inputs), outputs: typesOf(ports.outputs) } } });
  document.setIn(PORTS, text);
}

/** Retry stands on a template: of the document's own only. */
export function setRetry(document: Source, templateName: string, limit: number | null): void {
  const found = template(plain(document), templateName);
  if (!found) throw new Refused(`There is no template ${templateName} in this document`);
  if (limit === null) document.deleteIn([...found.path, "retryStrategy"]);
  else if (document.hasIn([...found.path, "retryStrategy"])) replaceScalar(document, [...found.path, "retryStrategy", "limit"], limit);
  else put(document, [...found.path, "retryStrategy"], { limit }, true);
}

// ---- the whole ---------------------------------------------------------------------------------

export function setParameter(document: Source, name: string, value: string | null): void {
  const path = [...specPath(plain(document)), "arguments", "parameters"];
  const all = plainAt(document, path);
  const at = (Array.isArray(all) ? (all as Obj[]) : []).findIndex((each) => each.name === name);
  if (value === null) {
    if (at >= 0) drop(document, [...path, at], specPath(plain(document)).length);
  } else if (at < 0) seqAt(document, path).add(document.createNode({ name, value }, { flow: true }));
  else replaceScalar(document, [...path, at, "value"], value);
}

