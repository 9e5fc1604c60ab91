/** Tasks of a dag put into a template of their own, with the inputs and outputs that they need. */

import type { PortKind } from "../../model";
import { follow, move, places } from "../layout";
import { type Source, plain } from "../yaml";
import * as depends from "./depends";
import { insert, renameWaits } from "./edit";
import { Refused, addTemplate, before, callAt, callsIn, free, isDag, replaceScalar, rewrite, seqAt, speaking, templateNames, waitsFor } from "./parts";
import { type Reference, reference, within } from "./references";
import { type Call, type Obj, type TemplateAt, template } from "./shape";
import { type Words, distinct, portName, rewriteOutputs, sideOf, swapped } from "./words";

const INPUTS = /\binputs\.(parameters|artifacts)\.([A-Za-z0-9_][\w-]*)/g;

interface Input {
  kind: PortKind;
  name: string;
}

/** What goes over the border of the new template. */
interface Border {
  /** Of tasks that stay outside. */
  needs: Reference[];
  /** Inputs of the outer template that the tasks speak of. */
  passed: Input[];
  /** What those outside, or the outer template's outputs, speak of. */
  gives: Reference[];
}

/** Returns the name of the task that stands for them now. */
export function collapse(document: Source, scope: string, ids: readonly string[]): string {
  const outer = template(plain(document), scope);
  if (!outer || !isDag(document, scope)) throw new Refused("Only tasks of a DAG can be put into a template");
  const chosen = new Set(ids);
  const all = callsIn(document, scope);
  closed(all, chosen);
  const moving = all.filter((each) => chosen.has(each.name));
  const border = borderOf(outer, all, chosen);
  const name = free("group", [...templateNames(document), ...all.map((each) => each.name)]);
  const nodes = moving.map((each) => spokenInside(document, each, border.needs));
  const waits = new Map(moving.flatMap((each) => outward(each.raw, chosen)));
  for (const each of moving) keepInside(document, each, chosen);
  const tasks = seqAt(document, [...outer.path, "dag", "tasks"]);
  tasks.items = tasks.items.filter((each) => !nodes.includes(each));
  build(document, name, border, nodes);
  insert(document, scope, { name, template: name, ...argumentsOf(border), ...(waits.size ? { depends: waited(waits) } : {}) });
  repoint(document, scope, name, border, chosen);
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

function borderOf(outer: TemplateAt, all: readonly Call[], chosen: ReadonlySet<string>): Border {
  const moving = all.filter((each) => chosen.has(each.name));
  const staying = all.filter((each) => !chosen.has(each.name));
  const spoken = (some: readonly Call[]) => some.flatMap((each) => within(speaking(each.raw)));
  return {
    needs: distinct(spoken(moving).filter((ref) => !chosen.has(ref.node))),
    passed: distinctInputs(moving.flatMap((each) => inputsOf(speaking(each.raw)))),
    gives: distinct([...spoken(staying), ...within(outer.raw.outputs)].filter((ref) => chosen.has(ref.node))),
  };
}

function inputsOf(value: unknown): Input[] {
  const text = JSON.stringify(value) ?? "";
  return [...text.matchAll(INPUTS)].map(([, side, name]) => ({ kind: side === "artifacts" ? "artifact" : "parameter", name: name ?? "" }));
}

function distinctInputs(all: readonly Input[]): Input[] {
  return [...new Map(all.map((each) => [`${each.kind} ${each.name}`, each])).values()];
}

// ---- the tasks that go -------------------------------------------------------------------------

/** A task as it speaks inside, where what it needs is an input. */
function spokenInside(document: Source, { path }: Call, needs: readonly Reference[]): unknown {
  const words: Words = new Map(needs.map((ref) => [reference("tasks", ref), `{{inputs.${sideOf(ref.kind)}.${portName(ref)}}}`]));
  const node: unknown = document.getIn(path, true);
  rewrite(node, (text) => swapped(text, words));
  return node;
}

function expressionOf(raw: Obj): depends.Expression | null {
  return typeof raw.depends === "string" ? depends.parse(raw.depends) : null;
}

/** Whom a task waits for outside, and in which states. */
function outward(raw: Obj, chosen: ReadonlySet<string>): [string, Set<string>][] {
  const expression = expressionOf(raw);
  const named = expression ? [...depends.tasks(expression)] : [...waitsFor(raw)].map((name): [string, Set<string>] => [name, new Set([""])]);
  return named.filter(([name]) => !chosen.has(name));
}

function keepInside(document: Source, { raw, path }: Call, chosen: ReadonlySet<string>): void {
  const expression = expressionOf(raw);
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

// ---- the template and its call -----------------------------------------------------------------

function build(document: Source, name: string, border: Border, nodes: readonly unknown[]): void {
  addTemplate(document, { name, ...interfaceOf(border), dag: { tasks: [] } });
  const into = seqAt(document, [...(template(plain(document), name)?.path ?? []), "dag", "tasks"]);
  for (const node of nodes) into.add(node);
}

function interfaceOf({ needs, passed, gives }: Border): Obj {
  const inputs = sides([...needs.map((ref) => ({ kind: ref.kind, said: { name: portName(ref) } })), ...passed.map(({ kind, name }) => ({ kind, said: { name } }))]);
  const outputs = sides(gives.map((ref) => ({ kind: ref.kind, said: output(ref) })));
  return { ...(inputs ? { inputs } : {}), ...(outputs ? { outputs } : {}) };
}

function output(ref: Reference): Obj {
  const text = reference("tasks", ref);
  return ref.kind === "artifact" ? { name: portName(ref), from: text } : { name: portName(ref), valueFrom: { parameter: text } };
}

function argumentsOf({ needs, passed }: Border): Obj {
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

// ---- those that stay ---------------------------------------------------------------------------

/** Who spoke of a task that went speaks of the one that stands for it. */
function repoint(document: Source, scope: string, name: string, { gives }: Border, chosen: ReadonlySet<string>): void {
  const outside: Words = new Map(gives.map((ref) => [reference("tasks", ref), reference("tasks", { node: name, port: portName(ref), kind: ref.kind })]));
  const names = new Map([...chosen].map((each) => [each, name]));
  for (const call of callsIn(document, scope)) {
    if (call.name === name) continue;
    rewrite(document.getIn(call.path, true), (text) => swapped(text, outside));
    renameWaits(document, call.path, call.raw, names);
    tidy(document, scope, call.name);
  }
  rewriteOutputs(document, scope, outside);
}

/** A name that was said of several is said once. */
function tidy(document: Source, scope: string, id: string): void {
  const { raw, path } = callAt(document, scope, id);
  const expression = expressionOf(raw);
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
