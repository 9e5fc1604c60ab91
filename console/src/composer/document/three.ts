/**
 * Two people's changes of one document brought together: what only one of them changed is changed, what both changed
 * differently stays as it is here, and is told. Lists are joined by the names of their members, and annotations that
 * hold JSON (places, notes, ports) by what stands in them.
 */

import { replaceScalar } from "./workflow/parts";
import { same } from "./workflow/same";
import { type Source, edited, parse, plain } from "./yaml";

type Obj = Record<string, unknown>;

export interface Merged {
  text: string;
  /** Where both changed something: `spec.templates[main].dag.tasks[fit].when`. */
  conflicts: string[];
}

/** `base` and `theirs` as the server prints them; `mine` in whatever hand it is written. */
export function merged(mine: string, base: string, theirs: string): Merged {
  const [before, here, there] = [base, mine, theirs].map(value) as [Obj, Obj, Obj];
  const conflicts: string[] = [];
  const wanted = joined(before, here, there, "", conflicts) as Obj;
  return { text: edited(mine, 0, (doc) => write(doc, [], here, wanted)), conflicts };
}

function value(text: string): Obj {
  const { documents, trouble } = parse(text);
  if (trouble) throw new Error(`The text cannot be read: ${trouble.message}`);
  return documents[0] ? plain(documents[0]) : {};
}

// ---- what it should say ------------------------------------------------------------------------

/** undefined: it is not there. */
function joined(base: unknown, mine: unknown, theirs: unknown, path: string, conflicts: string[]): unknown {
  if (same(base, theirs) || same(mine, theirs)) return mine;
  if (same(base, mine)) return theirs;
  if (isMap(mine) && isMap(theirs)) return joinedMaps(isMap(base) ? base : {}, mine, theirs, path, conflicts);
  const [from, here, there] = [base, mine, theirs].map(byName);
  if (here && there) return joinedNames(from ?? new Map(), here, there, path, conflicts);
  const [old, own, other] = [base, mine, theirs].map(fromJson);
  if (own && other) return JSON.stringify(joinedMaps(old ?? {}, own, other, path, conflicts));
  conflicts.push(path);
  return mine;
}

function joinedMaps(base: Obj, mine: Obj, theirs: Obj, path: string, conflicts: string[]): Obj {
  const keys = new Set([...Object.keys(mine), ...Object.keys(theirs)]);
  const pairs = [...keys].map((key) => [key, joined(base[key], mine[key], theirs[key], path ? `${path}.${key}` : key, conflicts)] as const);
  return Object.fromEntries(pairs.filter(([, said]) => said !== undefined));
}

type Named = Map<string, unknown>;

function joinedNames(base: Named, mine: Named, theirs: Named, path: string, conflicts: string[]): unknown[] {
  const names = new Set([...mine.keys(), ...theirs.keys()]);
  return [...names].flatMap((name) => joined(base.get(name), mine.get(name), theirs.get(name), `${path}[${name}]`, conflicts) ?? []);
}

function isMap(said: unknown): said is Obj {
  return typeof said === "object" && said !== null && !Array.isArray(said);
}

/** A list whose members all have names of their own, or ids. */
function byName(list: unknown): Named | null {
  if (!Array.isArray(list)) return null;
  const pairs = list.map((each: unknown): [string, unknown] => [isMap(each) ? String(each.name ?? each.id ?? "") : "", each]);
  const found = new Map(pairs);
  return found.size === list.length && !found.has("") ? found : null;
}

function fromJson(text: unknown): Obj | null {
  if (typeof text !== "string" || !text.startsWith("{")) return null;
  try {
    const found: unknown = JSON.parse(text);
    return isMap(found) ? found : null;
  } catch {
    return null;
  }
}

// ---- into the text -----------------------------------------------------------------------------

type At = (string | number)[];

/** Only what differs is written: the rest keeps its hand. */
function write(doc: Source, path: At, now: unknown, wanted: unknown): void {
  if (same(now, wanted)) return;
  if (isMap(now) && isMap(wanted)) writeMap(doc, path, now, wanted);
  else if (Array.isArray(now) && Array.isArray(wanted) && byName(now) && byName(wanted)) writeList(doc, path, now, wanted);
  else replaceScalar(doc, path, wanted);
}

function writeMap(doc: Source, path: At, now: Obj, wanted: Obj): void {
  for (const key of Object.keys(now)) if (!(key in wanted)) doc.deleteIn([...path, key]);
  for (const [key, said] of Object.entries(wanted)) write(doc, [...path, key], now[key], said);
}

function writeList(doc: Source, path: At, now: unknown[], wanted: unknown[]): void {
  const names = byName(wanted) ?? new Map<string, unknown>();
  const kept = [...(byName(now) ?? new Map<string, unknown>())];
  for (const [i, [name]] of [...kept.entries()].reverse()) if (!names.has(name)) doc.deleteIn([...path, i]);
  const left = kept.filter(([name]) => names.has(name));
  for (const [i, [name, said]] of left.entries()) write(doc, [...path, i], said, names.get(name));
  const known = new Set(left.map(([name]) => name));
  for (const [name, said] of names) if (!known.has(name)) doc.addIn(path, doc.createNode(said));
}
