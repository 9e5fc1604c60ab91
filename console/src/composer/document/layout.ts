/** Where nodes are drawn, and notes: annotations of the document, which a cluster ignores; comments where it can have none. */

import { isScalar } from "yaml";
import type { Note, Path, Place } from "../model";
import { obj } from "../ports/read";
import { type Source, drop, headComment, setHeadComment, sourceOf } from "./yaml";

export const LAYOUT = "pinnace.dev/layout";
export const NOTES = "pinnace.dev/notes";
const ANNOTATIONS: Path = ["metadata", "annotations"];

type Layout = Record<string, Record<string, [number, number]>>;
type Notes = Record<string, { id: string; text: string; at: [number, number] }[]>;

export function places(document: Record<string, unknown>, scope: string): Map<string, Place> {
  const found = annotation<Layout>(document, LAYOUT)[scope] ?? {};
  const pairs = Object.entries(found).filter(([, at]) => Array.isArray(at) && at.every(Number.isFinite));
  return new Map(pairs.map(([id, [x, y]]) => [id, { x, y }]));
}

export function notes(document: Record<string, unknown>, scope: string): Note[] {
  const found = annotation<Notes>(document, NOTES)[scope];
  if (!Array.isArray(found)) return [];
  return found.map(({ id, text, at }) => ({ id: String(id), text: String(text), place: { x: Number(at?.[0] ?? 0), y: Number(at?.[1] ?? 0) } }));
}

function annotation<T extends object>(document: Record<string, unknown>, name: string): T {
  const source = bare(document) ? sourceOf(document) : undefined;
  return readJson(source ? commented(source, name) : obj(obj(document.metadata).annotations)[name]);
}

function readJson<T extends object>(text: unknown): T {
  try {
    return (typeof text === "string" ? (JSON.parse(text) ?? {}) : {}) as T;
  } catch {
    return {} as T;
  }
}

/** A document that is no object of a cluster has no annotations, and upstream refuses what it does not know: a comment above it says the same. */
function bare(document: { kind?: unknown }): boolean {
  return document.kind === undefined;
}

function commented(document: Source, name: string): string | undefined {
  const begin = ` ${name}: `;
  return headComment(document).split("\n").find((line) => line.startsWith(begin))?.slice(begin.length);
}

function comment(document: Source, name: string, text: string | null): void {
  const begin = ` ${name}: `;
  const rest = headComment(document).split("\n").filter((line) => line && !line.startsWith(begin));
  setHeadComment(document, [...rest, ...(text === null ? [] : [begin + text])].join("\n"));
}

/** What the comments of a document say, by what they are. */
export function inComment(document: Source): Record<string, unknown> {
  return Object.fromEntries([LAYOUT, NOTES].map((name) => [name, readJson<Record<string, unknown>>(commented(document, name))]));
}

function written(document: Source, name: string): Record<string, unknown> {
  if (!document.has("kind")) return readJson(commented(document, name));
  return annotation<Record<string, unknown>>({ kind: document.get("kind"), metadata: { annotations: { [name]: document.getIn([...ANNOTATIONS, name]) } } }, name);
}

function keep(document: Source, name: string, value: Record<string, unknown>): void {
  const path = [...ANNOTATIONS, name];
  const told = Object.fromEntries(Object.entries(value).filter(([, part]) => Object.keys(part as object).length > 0));
  if (!document.has("kind")) {
    comment(document, name, Object.keys(told).length ? JSON.stringify(told) : null);
    return;
  }
  if (Object.keys(told).length === 0) {
    if (document.hasIn(path)) drop(document, path, 1);
    return;
  }
  const text = JSON.stringify(told);
  const old: unknown = document.getIn(path, true);
  if (isScalar(old)) old.value = text;
  else document.setIn(path, document.createNode(text));
}

/** Sets positions of a scope; the others stay. */
export function move(document: Source, scope: string, moved: ReadonlyMap<string, Place>): void {
  const layout = written(document, LAYOUT) as Layout;
  const here = { ...layout[scope] };
  for (const [id, { x, y }] of moved) here[id] = [Math.round(x), Math.round(y)];
  keep(document, LAYOUT, { ...layout, [scope]: here });
}

/** Positions follow their nodes: new names, and null for what is gone. Nothing is written where nothing was. */
export function follow(document: Source, scope: string, names: ReadonlyMap<string, string | null>): void {
  const layout = written(document, LAYOUT) as Layout;
  const here = layout[scope];
  if (!here || ![...names.keys()].some((name) => name in here)) return;
  const kept = Object.entries(here).flatMap(([id, at]): [string, [number, number]][] => {
    const now = names.get(id);
    return now === null ? [] : [[now ?? id, at]];
  });
  keep(document, LAYOUT, { ...layout, [scope]: Object.fromEntries(kept) });
}

/** Scopes got other names, all at once: one may have the name that another had. */
export function followScopes(document: Source, names: ReadonlyMap<string, string>): void {
  for (const which of names.size ? [LAYOUT, NOTES] : []) {
    const old = written(document, which);
    if (Object.keys(old).some((scope) => names.has(scope))) keep(document, which, Object.fromEntries(Object.entries(old).map(([scope, here]) => [names.get(scope) ?? scope, here])));
  }
}

/** A scope got another name, or (null) is gone. */
export function followScope(document: Source, scope: string, name: string | null): void {
  for (const which of [LAYOUT, NOTES]) {
    const { [scope]: here, ...others } = written(document, which);
    if (here !== undefined) keep(document, which, name === null ? others : { ...others, [name]: here });
  }
}

export function setNotes(document: Source, scope: string, all: readonly Note[]): void {
  const told = all.map(({ id, text, place }) => ({ id, text, at: [Math.round(place.x), Math.round(place.y)] }));
  keep(document, NOTES, { ...written(document, NOTES), [scope]: told });
}
