/** What crosses the border of a template, and words that stand for other words when it is drawn elsewhere. */

import { isMap } from "yaml";
import type { PortKind } from "../../model";
import { type Source, plain } from "../yaml";
import { rewrite } from "./parts";
import { type Reference, reference } from "./references";
import { template } from "./shape";

export type Words = ReadonlyMap<string, string>;

export function sideOf(kind: PortKind): "artifacts" | "parameters" {
  return kind === "artifact" ? "artifacts" : "parameters";
}

/** The name of a port that carries another task's over the border. */
export function portName({ node, port }: Reference): string {
  return `${node}-${port}`;
}

export function distinct(all: readonly Reference[]): Reference[] {
  return [...new Map(all.map((ref) => [reference("tasks", ref), ref])).values()];
}

/** `{{ … }}` and the bare words of expressions alike; a text that is no reference stands where the braces stood. */
export function swapped(text: string, words: Words): string {
  let found = text;
  for (const [old, now] of words) {
    const bare = old.slice(2, -2).replaceAll(".", "\\.");
    if (now.startsWith("{{") && now.endsWith("}}")) found = found.replace(new RegExp(`\\b${bare}(?![\\w-])`, "g"), () => now.slice(2, -2));
    else found = found.replace(new RegExp(`\\{\\{\\s*${bare}\\s*\\}\\}`, "g"), () => now);
  }
  return found;
}

/** What a template gives to the outside, in other words. */
export function rewriteOutputs(document: Source, scope: string, words: Words): void {
  const outputs: unknown = document.getIn([...(template(plain(document), scope)?.path ?? []), "outputs"], true);
  if (isMap(outputs)) rewrite(outputs, (text) => swapped(text, words));
}
