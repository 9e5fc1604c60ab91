/** What differs between two readings of a document, written into its text: nothing else is touched. New keys come where the alphabet has them, as upstream's compiler sorts. */

import { Pair, type Scalar, type YAMLMap, isMap, isScalar } from "yaml";
import type { Path } from "../../model";
import { same } from "../workflow/same";
import type { Source } from "../yaml";
import type { Obj } from "./ir";

export function patch(document: Source, before: Obj, after: Obj, path: Path = []): void {
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const [old, now] = [before[key], after[key]];
    if (same(old, now)) continue;
    const here = [...path, key];
    if (now === undefined) document.deleteIn(here);
    else if (isObject(old) && isObject(now) && isMap(document.getIn(here, true))) patch(document, old, now, here);
    else write(document, here, now);
  }
}

function isObject(value: unknown): value is Obj {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

export function write(document: Source, path: Path, value: unknown): void {
  const old: unknown = document.getIn(path, true);
  if (isScalar(old) && ["string", "number", "boolean"].includes(typeof value)) {
    if (typeof old.value !== typeof value) Object.assign(old, { type: undefined, source: undefined });
    old.value = value;
    return;
  }
  const around = mapAt(document, path.slice(0, -1));
  const key = String(path.at(-1));
  const node = document.createNode(value);
  if (around.has(key)) around.set(key, node);
  else insert(document, around, key, node);
}

/** Made, with everything around it, if it is not there. */
function mapAt(document: Source, path: Path): YAMLMap {
  const found: unknown = path.length ? document.getIn(path, true) : document.contents;
  if (isMap(found)) {
    if (found.items.length === 0) found.flow = false;
    return found;
  }
  if (path.length === 0) {
    document.contents = document.createNode({}) as never;
    return document.contents as unknown as YAMLMap;
  }
  const made = document.createNode({}) as unknown as YAMLMap;
  made.flow = false;
  const around = mapAt(document, path.slice(0, -1));
  const key = String(path.at(-1));
  if (around.has(key)) around.set(key, made);
  else insert(document, around, key, made);
  return made;
}

function insert(document: Source, map: YAMLMap, key: string, node: unknown): void {
  const names = map.items.map((each) => nameOf(each.key));
  const sorted = names.every((name, i) => i === 0 || (names[i - 1] ?? "") <= name);
  const after = names.findIndex((name) => name > key);
  const at = sorted && after >= 0 ? after : names.length;
  const own = document.createNode(key) as Scalar;
  const next = map.items[at]?.key;
  // What stands above the whole document stays above it.
  if (at === 0 && map === document.contents && isScalar(next) && next.commentBefore) {
    own.commentBefore = next.commentBefore;
    next.commentBefore = null;
  }
  map.items.splice(at, 0, new Pair(own, node as never));
}

function nameOf(key: unknown): string {
  return isScalar(key) ? String(key.value) : String(key);
}
