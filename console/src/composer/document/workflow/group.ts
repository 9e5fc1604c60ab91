/** Sub-graphs: tasks of a dag put into a template of their own, and taken out of one again. */

import { isMap } from "yaml";
import type { PortKind } from "../../model";
import { list, obj } from "../../ports/read";
import { follow, followScope, move, places } from "../layout";
import { type Source, plain } from "../yaml";
import * as depends from "./depends";
import { insert, removeTemplate, renameWaits } from "./edit";
import { Refused, addTemplate, before, callAt, callsIn, free, isDag, replaceScalar, rewrite, seqAt, speaking, templateNames, waitForData, waitsFor } from "./parts";
import { type Reference, reference, rewritten, within } from "./references";
import { type Call, type Obj, template } from "./shape";

const INPUTS = /\binputs\.(parameters|artifacts)\.([A-Za-z0-9_][\w-]*)/g;

/** Returns the name of the task that stands for them now. */
export function collapse(document: Source, scope: string, ids: readonly string[]): string {
  const outer = template(plain(document), scope);
  if (!outer || !isDag(document, scope)) throw new Refused("Only tasks of a DAG can be put into a template");
  const chosen = new Set(ids);
  const all = callsIn(document, scope);
  closed(all, chosen);
  const moving = all.filter((each) => chosen.has(each.name));
  const staying = all.filter((each) => !chosen.has(each.name));
  const needs = distinct(moving.flatMap((each) => within(speaking(each.raw)).filter((ref) => !chosen.has(ref.node))));
  const passed = distinctInputs(moving.flatMap((each) => inputsOf(speaking(each.raw))));
  const gives = distinct([...staying.flatMap((each) => within(speaking(each.raw))), ...within(outer.raw.outputs)].filter((ref) => chosen.has(ref.node)));
  const name = free("group", [...templateNames(document), ...all.map((each) => each.name)]);

  const inner = new Map(needs.map((ref) => [reference("tasks", ref), `{{inputs.${sideOf(ref.kind)}.${portName(ref)}}}`]));
  const nodes = moving.map((each) => {
    const node: unknown = document.getIn(each.path, true);
    rewrite(node, (text) => swapped(text, inner));
    return node;
  });
  const waits = new Map(moving.flatMap((each) => outward(each.raw, chosen)));
  for (const each of moving) keepInside(document, each, chosen);
  const tasks = seqAt(document, [...outer.path, "dag", "tasks"]);
  tasks.items = tasks.items.filter((each) => !nodes.includes(each));

  addTemplate(document, { name, ...interfaceOf(needs, passed, gives), dag: { tasks: [] } });
  const made = template(plain(document), name);
  const into = seqAt(document, [...(made?.path ?? []), "dag", "tasks"]);
  for (const node of nodes) into.add(node);
  insert(document, scope, { name, template: name, ...argumentsOf(needs, passed), ...(waits.size ? { depends: waited(waits) } : {}) });

  const outside = new Map(gives.map((ref) => [reference("tasks", ref), reference("tasks", { node: name, port: portName(ref), kind: ref.kind })]));
  const names = new Map([...chosen].map((each) => [each, name]));
  for (const call of callsIn(document, scope)) {
    if (call.name === name) continue;
    rewrite(document.getIn(call.path, true), (text) => swapped(text, outside));
    renameWaits(document, call.path, call.raw, names);
    tidy(document, scope, call.name);
  }
  const outputs: unknown = document.getIn([...(template(plain(document), scope)?.path ?? []), "outputs"], true);
  if (isMap(outputs)) rewrite(outputs, (text) => swapped(text, outside));
  settle(document, scope, name, chosen);
  return name;
}

/** Nothing may lead out of the chosen tasks and back into them. */
function closed(all: readonly Call[], chosen: ReadonlySet<string>): void {
  for (const { name } of all) {
    if (chosen.has(name)) continue;
    const early = [...before(all, name)].some((each) => chosen.has(each));
    const late = [...chosen].some((each) => before(all, each).has(name));
    if (early && late) throw new Refused(`${name} lies between the chosen steps: choose it too`);
  }
}

function sideOf(kind: PortKind): "artifacts" | "parameters" {
  return kind === "artifact" ? "artifacts" : "parameters";
}

function portName({ node, port }: Reference): string {
  return `${node}-${port}`;
}

function distinct(all: readonly Reference[]): Reference[] {
  return [...new Map(all.map((ref) => [reference("tasks", ref), ref])).values()];
}

interface Input {
  kind: PortKind;
  name: string;
}

function inputsOf(value: unknown): Input[] {
  const text = JSON.stringify(value) ?? "";
  return [...text.matchAll(INPUTS)].map(([, side, name]) => ({ kind: side === "artifacts" ? "artifact" : "parameter", name: name ?? "" }));
}

function distinctInputs(all: readonly Input[]): Input[] {
  return [...new Map(all.map((each) => [`${each.kind} ${each.name}`, each])).values()];
}

/** `{{ … }}` and the bare words of expressions alike; a text that is no reference stands where the braces stood. */
function swapped(text: string, words: ReadonlyMap<string, string>): string {
  let found = text;
  for (const [old, now] of words) {
    const bare = old.slice(2, -2).replaceAll(".", "\\.");
    if (now.startsWith("{{") && now.endsWith("}}")) found = found.replace(new RegExp(`\\b${bare}(?![\\w-])`, "g"), () => now.slice(2, -2));
    else found = found.replace(new RegExp(`\\{\\{\\s*${bare}\\s*\\}\\}`, "g"), () => now);
  }
  return found;
}

/** Whom a task waits for outside, and in which states. */
function outward(raw: Obj, chosen: ReadonlySet<string>): [string, Set<string>][] {
  const expression = typeof raw.depends === "string" ? depends.parse(raw.depends) : null;
  const named = expression ? [...depends.tasks(expression)] : [...waitsFor(raw)].map((name): [string, Set<string>] => [name, new Set([""])]);
  return named.filter(([name]) => !chosen.has(name));
}

function keepInside(document: Source, { raw, path }: Call, chosen: ReadonlySet<string>): void {
  const expression = typeof raw.depends === "string" ? depends.parse(raw.depends) : null;
  if (expression) {
    let rest: depends.Expression | null = expression;
    for (const name of depends.tasks(expression).keys()) if (!chosen.has(name)) rest = rest && depends.without(rest, name);
    if (rest) replaceScalar(document, [...path, "depends"], depends.print(rest));
    else document.deleteIn([...path, "depends"]);
  }
  const kept = (Array.isArray(raw.dependencies) ? raw.dependencies : []).filter((name) => chosen.has(String(name)));
  if (raw.dependencies && kept.length === 0) document.deleteIn([...path, "dependencies"]);
  else if (raw.dependencies) document.setIn([...path, "dependencies"], document.createNode(kept, { flow: true }));
}

function waited(waits: ReadonlyMap<string, ReadonlySet<string>>): string {
  let found: depends.Expression | null = null;
  for (const [name, states] of waits) found = depends.and(found, name, [...states]);
  return found ? depends.print(found) : "";
}

function interfaceOf(needs: readonly Reference[], passed: readonly Input[], gives: readonly Reference[]): Obj {
  const inputs = sides([...needs.map((ref) => ({ kind: ref.kind, said: { name: portName(ref) } })), ...passed.map(({ kind, name }) => ({ kind, said: { name } }))]);
  const outputs = sides(
    gives.map((ref) => ({
      kind: ref.kind,
      said: ref.kind === "artifact" ? { name: portName(ref), from: reference("tasks", ref) } : { name: portName(ref), valueFrom: { parameter: reference("tasks", ref) } },
    })),
  );
  return { ...(inputs ? { inputs } : {}), ...(outputs ? { outputs } : {}) };
}

function argumentsOf(needs: readonly Reference[], passed: readonly Input[]): Obj {
  const given = sides([
    ...needs.map((ref) => ({ kind: ref.kind, said: argument(ref.kind, portName(ref), reference("tasks", ref)) })),
    ...passed.map(({ kind, name }) => ({ kind, said: argument(kind, name, `{{inputs.${sideOf(kind)}.${name}}}`) })),
  ]);
  return given ? { arguments: given } : {};
}

function argument(kind: PortKind, name: string, text: string): Obj {
  return kind === "artifact" ? { name, from: text } : { name, value: text };
}

function sides(all: readonly { kind: PortKind; said: Obj }[]): Obj | null {
  const of = (kind: PortKind) => all.filter((each) => each.kind === kind).map((each) => each.said);
  const [parameters, artifacts] = [of("parameter"), of("artifact")];
  if (parameters.length + artifacts.length === 0) return null;
  return { ...(parameters.length ? { parameters } : {}), ...(artifacts.length ? { artifacts } : {}) };
}

/** A name that was said of several is said once. */
function tidy(document: Source, scope: string, id: string): void {
  const { raw, path } = callAt(document, scope, id);
  const expression = typeof raw.depends === "string" ? depends.parse(raw.depends) : null;
  if (expression?.op === "and") {
    const once = [...new Map(expression.parts.map((part) => [depends.print(part), part])).values()];
    const [first] = once;
    if (first && once.length < expression.parts.length) replaceScalar(document, [...path, "depends"], depends.print(once.length > 1 ? { op: "and", parts: once } : first));
  }
  if (Array.isArray(raw.dependencies)) {
    const once = [...new Set(raw.dependencies.map(String))];
    if (once.length < raw.dependencies.length) document.setIn([...path, "dependencies"], document.createNode(once, { flow: true }));
  }
}

function settle(document: Source, scope: string, name: string, chosen: ReadonlySet<string>): void {
  const known = places(plain(document), scope);
  const moved = new Map([...known].filter(([id]) => chosen.has(id)));
  if (moved.size === 0) return;
  move(document, name, moved);
  const all = [...moved.values()];
  const middle = (of: number[]) => of.reduce((a, b) => a + b, 0) / of.length;
  move(document, scope, new Map([[name, { x: middle(all.map((p) => p.x)), y: middle(all.map((p) => p.y)) }]]));
  follow(document, scope, new Map([...chosen].map((id) => [id, null])));
}

// ---- the way back ------------------------------------------------------------------------------

/** The tasks of the template that `id` calls take its place; returns their names. */
export function expand(document: Source, scope: string, id: string): string[] {
  const call = callAt(document, scope, id);
  const inner = template(plain(document), String(call.raw.template));
  if (!inner || !("dag" in inner.raw)) throw new Refused(`${id} calls no DAG of this document`);
  for (const key of ["withItems", "withParam", "withSequence", "when", "hooks", "continueOn"])
    if (call.raw[key] !== undefined) throw new Refused(`${id} has ${key}: its steps cannot stand by themselves`);
  const tasks = callsIn(document, String(inner.raw.name));
  const others = callsIn(document, scope).map((each) => each.name).filter((each) => each !== id);
  const names = new Map<string, string>();
  for (const each of tasks) names.set(each.name, free(each.name, [...others, ...names.values()]));
  const given = givenTo(call.raw, inner.raw);
  const results = new Map(resultsOf(inner.raw).map(([port, text]) => [reference("tasks", { node: id, ...port }), rewritten(text, names)]));
  const ends = tasks.filter((each) => !tasks.some((other) => waitsFor(other.raw).has(each.name))).map((each) => names.get(each.name) ?? "");
  const outerWaits = typeof call.raw.depends === "string" ? call.raw.depends : waitsFor(call.raw).size ? [...waitsFor(call.raw)].join(" && ") : "";

  document.deleteIn(call.path);
  for (const each of tasks) {
    const node = document.createNode({ ...each.raw, name: names.get(each.name) });
    rewrite(node, (text) => swapped(rewritten(text, names), given));
    insert(document, scope, node);
  }
  for (const name of names.values()) {
    const { raw, path } = callAt(document, scope, name);
    renameWaits(document, path, raw, names);
    if (outerWaits && waitsFor(raw).size === 0) document.setIn([...path, "depends"], outerWaits);
  }
  for (const other of others) {
    const { path } = callAt(document, scope, other);
    rewrite(document.getIn(path, true), (text) => swapped(text, results));
    replaceWait(document, scope, other, id, ends);
  }
  const path = template(plain(document), scope)?.path ?? [];
  const outputs: unknown = document.getIn([...path, "outputs"], true);
  if (isMap(outputs)) rewrite(outputs, (text) => swapped(text, results));
  for (const name of [...names.values(), ...others]) waitForData(document, scope, name);
  carry(document, scope, id, String(inner.raw.name), names);
  return [...names.values()];
}

function givenTo(raw: Obj, inner: Obj): Map<string, string> {
  const args = obj(raw.arguments);
  const found = new Map<string, string>();
  for (const side of ["parameters", "artifacts"] as const)
    for (const input of list(obj(inner.inputs)[side])) {
      const said = list(args[side]).find((each) => each.name === input.name);
      const text = said?.from ?? said?.value ?? input.value ?? input.default;
      if (text !== undefined) found.set(`{{inputs.${side}.${String(input.name)}}}`, String(text));
    }
  return found;
}

function resultsOf(inner: Obj): [{ port: string; kind: PortKind }, string][] {
  const outputs = obj(inner.outputs);
  const artifacts = list(outputs.artifacts).flatMap((each): [{ port: string; kind: PortKind }, string][] => (each.from ? [[{ port: String(each.name), kind: "artifact" }, String(each.from)]] : []));
  const parameters = list(outputs.parameters).flatMap((each): [{ port: string; kind: PortKind }, string][] => {
    const from = obj(each.valueFrom).parameter;
    return from ? [[{ port: String(each.name), kind: "parameter" }, String(from)]] : [];
  });
  return [...artifacts, ...parameters];
}

function replaceWait(document: Source, scope: string, other: string, id: string, ends: readonly string[]): void {
  const { raw, path } = callAt(document, scope, other);
  if (!waitsFor(raw).has(id)) return;
  if (Array.isArray(raw.dependencies)) {
    const named = raw.dependencies.flatMap((name) => (name === id ? ends : [String(name)]));
    document.setIn([...path, "dependencies"], document.createNode(named, { flow: true }));
    return;
  }
  const old = depends.parse(String(raw.depends));
  if (!old) return;
  const states = [...(depends.tasks(old).get(id) ?? [""])];
  let rest = depends.without(old, id);
  for (const end of ends) rest = depends.and(rest, end, states);
  if (rest) replaceScalar(document, [...path, "depends"], depends.print(rest));
}

/** Places come along, around the one that the group had; its template goes when nobody calls it any more. */
function carry(document: Source, scope: string, id: string, inner: string, names: ReadonlyMap<string, string>): void {
  const whole = plain(document);
  const at = places(whole, scope).get(id);
  const old = places(whole, inner);
  if (at && old.size) {
    const left = Math.min(...[...old.values()].map((p) => p.x));
    const top = Math.min(...[...old.values()].map((p) => p.y));
    move(document, scope, new Map([...old].flatMap(([name, p]) => (names.has(name) ? [[names.get(name) ?? "", { x: at.x + p.x - left, y: at.y + p.y - top }] as const] : []))));
  }
  follow(document, scope, new Map([[id, null]]));
  try {
    removeTemplate(document, inner);
    followScope(document, inner, null);
  } catch (problem) {
    if (!(problem instanceof Refused)) throw problem;
  }
}
