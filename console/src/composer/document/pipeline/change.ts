/** An edit of a pipeline: its meaning is changed, and what the IR then says otherwise is written into the document. */

import { Document } from "yaml";
import { obj } from "../../ports/read";
import { follow, followScopes } from "../layout";
import { type Source, beside, plain, renamed } from "../yaml";
import { Refused } from "../workflow/parts";
import { heading } from "./heading";
import { type Obj, ROOT, holder } from "./ir";
import { type Whole, reached, swept } from "./join";
import { Impossible, lowered, programOf } from "./lower";
import { numbered, renumber } from "./numbering";
import { patch } from "./patch";
import { type Group, type Program, everything, groupOf, isLeaf } from "./program";

export interface Hand {
  program: Program;
  /** What is drawn in. */
  group: Group;
  whole: Whole;
}

/** The document's second half: settings of platforms, by platform. */
export function platformsBeside(document: Source): Source | undefined {
  return beside(document).find((each) => each !== document && each.has("platforms") && !each.has("root"));
}

export function wholeOf(document: Source): Whole {
  const second = platformsBeside(document);
  return { document: plain(document), platforms: second ? structuredClone(obj(plain(second).platforms)) : {} };
}

export function change<T>(document: Source, scope: string, edit: (hand: Hand) => T): T {
  const whole = wholeOf(document);
  try {
    const before = lowered(programOf(whole.document, scope));
    const old = structuredClone(whole.platforms);
    const needed = reached(whole.document, ROOT);
    const program = programOf(structuredClone(whole.document), scope);
    const group = groupOf(program, scope);
    if (!group || Object.keys(holder(whole.document, scope)).length === 0) throw new Refused(`There is no ${scope} in this pipeline`);
    const hand: Hand = { program, group, whole: { document: program.document, platforms: whole.platforms } };
    const asCompiled = [...numbered(program)].every(([key, name]) => key === name || key.includes(" "));
    const result = edit(hand);
    const names = asCompiled ? numbered(program) : new Map<string, string>();
    const components = renumber(hand.whole, program, names);
    const after = lowered(program);
    const made: Whole = { document: after, platforms: whole.platforms };
    swept(made, new Set([...needed].map((name) => components.get(name) ?? name)));
    patch(document, before, after);
    settings(document, old, made.platforms);
    heading(document, before, after);
    follows(document, program, names, components);
    return named(result, names);
  } catch (problem) {
    throw problem instanceof Impossible ? new Refused(problem.message) : problem;
  }
}

/** Places, the choice and the opened drawings go with what they belong to. */
function follows(document: Source, program: Program, names: ReadonlyMap<string, string>, components: ReadonlyMap<string, string>): void {
  const back = new Map([...components].map(([old, now]) => [now, old]));
  const groups = [program.body, ...[...everything(program.body)].filter((each): each is Group => !isLeaf(each))];
  for (const each of groups) follow(document, back.get(each.component) ?? each.component, names);
  followScopes(document, components);
  renamed(document, { nodes: names, scopes: components });
}

/** Names that an edit gives back are those that things have now. */
function named<T>(result: T, names: ReadonlyMap<string, string>): T {
  if (typeof result === "string") return (names.get(result) ?? result) as T;
  return Array.isArray(result) ? (result.map((each) => named(each, names)) as T) : result;
}

function settings(document: Source, before: Obj, after: Obj): void {
  const second = platformsBeside(document);
  if (Object.keys(after).length === 0) {
    const all = beside(document);
    if (second) all.splice(all.indexOf(second), 1);
    return;
  }
  if (second) patch(second, { platforms: before }, { platforms: after });
  else beside(document).push(new Document({ platforms: after }));
}
