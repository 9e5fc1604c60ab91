/** The tasks of a template take the place of the task that calls it. */

import type { PortKind } from "../../model";
import { list, obj } from "../../ports/read";
import { follow, followScope, move, places } from "../layout";
import { type Source, plain } from "../yaml";
import * as depends from "./depends";
import { insert, removeTemplate, renameWaits } from "./edit";
import { Refused, callAt, callsIn, free, replaceScalar, rewrite, waitForData, waitsFor } from "./parts";
import { reference, rewritten } from "./references";
import { type Call, type Obj, type TemplateAt, template } from "./shape";
import { type Words, rewriteOutputs, swapped } from "./words";

/** What a call has that its tasks could not have one by one. */
const WHOLE = ["withItems", "withParam", "withSequence", "when", "hooks", "continueOn"];

/** Returns the names that the tasks have here. */
export function expand(document: Source, scope: string, id: string): string[] {
  const call = callAt(document, scope, id);
  const inner = expandable(document, call);
  const tasks = callsIn(document, String(inner.raw.name));
  const others = callsIn(document, scope).map((each) => each.name).filter((each) => each !== id);
  const names = namesHere(tasks, others);
  const results: Words = new Map(resultsOf(inner.raw).map(([port, text]) => [reference("tasks", { node: id, ...port }), rewritten(text, names)]));
  const ends = tasks.filter((each) => !tasks.some((other) => waitsFor(other.raw).has(each.name))).map((each) => names.get(each.name) ?? "");
  document.deleteIn(call.path);
  place(document, scope, tasks, names, givenTo(call.raw, inner.raw));
  chain(document, scope, names, waitsOf(call.raw));
  for (const other of others) {
    rewrite(document.getIn(callAt(document, scope, other).path, true), (text) => swapped(text, results));
    replaceWait(document, scope, other, id, ends);
  }
  rewriteOutputs(document, scope, results);
  for (const name of [...names.values(), ...others]) waitForData(document, scope, name);
  carry(document, scope, id, String(inner.raw.name), names);
  return [...names.values()];
}

function expandable(document: Source, { name, raw }: Call): TemplateAt {
  const inner = template(plain(document), String(raw.template));
  if (!inner || !("dag" in inner.raw)) throw new Refused(`${name} calls no DAG of this document`);
  for (const key of WHOLE) if (raw[key] !== undefined) throw new Refused(`${name} has ${key}: its steps cannot stand by themselves`);
  return inner;
}

function namesHere(tasks: readonly Call[], others: readonly string[]): Map<string, string> {
  const names = new Map<string, string>();
  for (const each of tasks) names.set(each.name, free(each.name, [...others, ...names.values()]));
  return names;
}

function waitsOf(raw: Obj): string {
  return typeof raw.depends === "string" ? raw.depends : [...waitsFor(raw)].join(" && ");
}

function place(document: Source, scope: string, tasks: readonly Call[], names: ReadonlyMap<string, string>, given: Words): void {
  for (const each of tasks) {
    const node = document.createNode({ ...each.raw, name: names.get(each.name) });
    rewrite(node, (text) => swapped(rewritten(text, names), given));
    insert(document, scope, node);
  }
}

/** The first of the tasks wait for what the call waited for. */
function chain(document: Source, scope: string, names: ReadonlyMap<string, string>, outerWaits: string): void {
  for (const name of names.values()) {
    const { raw, path } = callAt(document, scope, name);
    renameWaits(document, path, raw, names);
    if (outerWaits && waitsFor(raw).size === 0) document.setIn([...path, "depends"], outerWaits);
  }
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

type Result = [{ port: string; kind: PortKind }, string];

function resultsOf(inner: Obj): Result[] {
  const outputs = obj(inner.outputs);
  const artifacts = list(outputs.artifacts).flatMap((each): Result[] => (each.from ? [[{ port: String(each.name), kind: "artifact" }, String(each.from)]] : []));
  const parameters = list(outputs.parameters).flatMap((each): Result[] => {
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
