/** Small steps of which edits are made: finding a task, giving it an argument, making it wait. They change the document. */

import { type YAMLMap, type YAMLSeq, isMap, isScalar, isSeq, visit } from "yaml";
import type { Path, PortKind } from "../../model";
import { list, obj } from "../../ports/read";
import { type Source, drop, plain, put } from "../yaml";
import * as depends from "./depends";
import { within } from "./references";
import { type Call, type Obj, calls, specPath, template, templates } from "./shape";

/** What an edit cannot do, in words for who draws. */
export class Refused extends Error {}

export function callsIn(document: Source, scope: string): Call[] {
  const found = template(plain(document), scope);
  return found ? calls(found) : [];
}

export function callAt(document: Source, scope: string, id: string): Call {
  const found = callsIn(document, scope).find((each) => each.name === id);
  if (!found) throw new Refused(`There is no step ${id} in ${scope}`);
  return found;
}

export function mapAt(document: Source, path: Path): YAMLMap {
  const found: unknown = document.getIn(path, true);
  if (!isMap(found)) throw new Refused(`/${path.join("/")} is no map`);
  return found;
}

export function seqAt(document: Source, path: Path): YAMLSeq {
  const found: unknown = document.getIn(path, true);
  if (isSeq(found)) {
    // `[]` is how an empty list is written, and says nothing about how a full one should be.
    if (found.items.length === 0) found.flow = false;
    return found;
  }
  document.setIn(path, document.createNode([]));
  return document.getIn(path, true) as YAMLSeq;
}

/** A name that nobody has yet: `wanted`, or with the first number that is free. */
export function free(wanted: string, taken: Iterable<string>): string {
  const all = new Set(taken);
  if (!all.has(wanted)) return wanted;
  for (let n = 2; ; n++) if (!all.has(`${wanted}-${n}`)) return `${wanted}-${n}`;
}

const NAME = /^[A-Za-z0-9][-A-Za-z0-9_]{0,127}$/;

export function named(name: string, taken: Iterable<string>): string {
  if (!NAME.test(name)) throw new Refused("A name is of letters, digits, - and _, and begins with a letter or digit");
  if ([...taken].includes(name)) throw new Refused(`There is already a ${name} here`);
  return name;
}

export function templateNames(document: Source): string[] {
  return templates(plain(document)).map(({ raw }) => String(raw.name));
}

/** Adds a template to the document under a name that is free; returns that name. */
export function addTemplate(document: Source, raw: Obj): string {
  const name = free(String(raw.name), templateNames(document));
  seqAt(document, [...specPath(plain(document)), "templates"]).add(document.createNode({ ...raw, name }));
  return name;
}

// ---- arguments ---------------------------------------------------------------------------------

/** null takes the argument away. An artifact's value is what it comes `from`. */
export function setArgument(document: Source, task: Path, kind: PortKind, name: string, value: string | null): void {
  const side = kind === "artifact" ? "artifacts" : "parameters";
  const path = [...task, "arguments", side];
  const at = list(plainAt(document, path)).findIndex((each) => each.name === name);
  if (value === null) {
    if (at >= 0) drop(document, [...path, at], task.length);
    return;
  }
  const said = { name, [kind === "artifact" ? "from" : "value"]: value };
  if (at < 0) seqAt(document, path).add(document.createNode(said, { flow: true }));
  else if (kind === "parameter") replaceScalar(document, [...path, at, "value"], value);
  else put(document, [...path, at], said, true);
}

/** Keeps the quotes and comments of what stood there. */
export function replaceScalar(document: Source, path: Path, value: unknown): void {
  const old: unknown = document.getIn(path, true);
  if (isScalar(old) && (typeof value === "string" || typeof value === "number" || typeof value === "boolean")) old.value = value;
  else document.setIn(path, document.createNode(value));
}

export function plainAt(document: Source, path: Path): unknown {
  return path.reduce<unknown>((at, key) => (Array.isArray(at) ? at[Number(key)] : obj(at)[String(key)]), plain(document));
}

// ---- order -------------------------------------------------------------------------------------

export function isDag(document: Source, scope: string): boolean {
  return "dag" in (template(plain(document), scope)?.raw ?? {});
}

/** Every task that this one waits for by its own words. */
export function waitsFor(raw: Obj): Set<string> {
  const said = Array.isArray(raw.dependencies) ? raw.dependencies.map(String) : [];
  const expression = typeof raw.depends === "string" ? depends.parse(raw.depends) : null;
  return new Set([...said, ...(expression ? depends.tasks(expression).keys() : [])]);
}

export function before(all: readonly Call[], id: string): Set<string> {
  const found = new Set<string>();
  const waiting = [id];
  for (let here = waiting.pop(); here !== undefined; here = waiting.pop())
    for (const name of waitsFor(all.find((each) => each.name === here)?.raw ?? {}))
      if (!found.has(name)) {
        found.add(name);
        waiting.push(name);
      }
  return found;
}

/** Upstream refuses `depends` and `dependencies` in one dag: the way that is used already is used. */
export function wait(document: Source, scope: string, id: string, on: string, states: readonly string[] = [""]): void {
  const all = callsIn(document, scope);
  const { raw, path } = callAt(document, scope, id);
  const older = all.some((each) => each.raw.dependencies) && !all.some((each) => each.raw.depends);
  if (older && states.join() === "") {
    if (!waitsFor(raw).has(on)) seqAt(document, [...path, "dependencies"]).add(document.createNode(on));
    return;
  }
  if (older) modernise(document, all);
  const said = document.getIn([...path, "depends"]);
  const old = typeof said === "string" ? depends.parse(said) : null;
  if (typeof said === "string" && said.trim() && !old) throw new Refused(`depends of ${id} cannot be read: ${said}`);
  const rest = old && depends.without(old, on);
  replaceScalar(document, [...path, "depends"], depends.print(depends.and(rest, on, states)));
}

function modernise(document: Source, all: readonly Call[]): void {
  for (const { raw, path } of all) {
    if (!Array.isArray(raw.dependencies)) continue;
    document.deleteIn([...path, "dependencies"]);
    if (raw.dependencies.length) document.setIn([...path, "depends"], raw.dependencies.join(" && "));
  }
}

export function waitNoMore(document: Source, path: Path, on: string): void {
  const raw = obj(plainAt(document, path));
  if (Array.isArray(raw.dependencies)) {
    const at = raw.dependencies.map(String).indexOf(on);
    if (at >= 0) drop(document, [...path, "dependencies", at], path.length);
  }
  const old = typeof raw.depends === "string" ? depends.parse(raw.depends) : null;
  if (!old || !depends.tasks(old).has(on)) return;
  const rest = depends.without(old, on);
  if (rest) replaceScalar(document, [...path, "depends"], depends.print(rest));
  else document.deleteIn([...path, "depends"]);
}

/** Upstream wants a task to come after everything that it speaks of. */
export function waitForData(document: Source, scope: string, id: string): void {
  if (!isDag(document, scope)) return;
  const all = callsIn(document, scope);
  const names = new Set(all.map((each) => each.name));
  const { raw } = callAt(document, scope, id);
  const early = before(all, id);
  for (const { node } of within(speaking(raw))) if (names.has(node) && node !== id && !early.has(node)) wait(document, scope, id, node);
}

export function speaking(raw: Obj): unknown[] {
  return [raw.arguments, raw.when, raw.withParam, raw.withSequence, raw.withItems];
}

/** Every text below a node of the YAML tree. */
export function rewrite(node: unknown, change: (text: string) => string): void {
  visit(node as YAMLMap, {
    Scalar(_, scalar) {
      if (typeof scalar.value !== "string") return;
      const text = change(scalar.value);
      if (text !== scalar.value) scalar.value = text;
    },
  });
}
