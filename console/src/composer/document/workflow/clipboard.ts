/** Copied steps are a Workflow of their own: what is on the clipboard runs anywhere, and any workflow can be pasted. */

import { Document } from "yaml";
import { same } from "./same";
import type { Place } from "../../model";
import { LAYOUT, move, places } from "../layout";
import { type Source, parse, plain } from "../yaml";
import { forget, insert, renameWaits } from "./edit";
import { Refused, addTemplate, callAt, callsIn, free, isDag, rewrite, templateNames, waitsFor } from "./parts";
import { rewritten, within } from "./references";
import { type Obj, calls, entry, template, templates } from "./shape";

const COPIED = "copied";

export function copied(document: Source, scope: string, ids: Iterable<string>): string {
  const wanted = new Set(ids);
  const whole = plain(document);
  const tasks = callsIn(document, scope).filter((each) => wanted.has(each.name));
  const layout = Object.fromEntries([...places(whole, scope)].filter(([id]) => wanted.has(id)).map(([id, { x, y }]) => [id, [x, y]]));
  const used = needed(whole, tasks.map((each) => each.raw));
  const body = isDag(document, scope) ? { dag: { tasks: tasks.map((each) => each.raw) } } : { steps: grouped(tasks) };
  const made = {
    apiVersion: "argoproj.io/v1alpha1",
    kind: "Workflow",
    metadata: { generateName: `${COPIED}-`, annotations: { [LAYOUT]: JSON.stringify({ [COPIED]: layout }) } },
    spec: { entrypoint: COPIED, templates: [{ name: COPIED, ...body }, ...used] },
  };
  return new Document(made).toString({ lineWidth: 0 });
}

function grouped(tasks: { raw: Obj; group: number }[]): Obj[][] {
  const groups = [...new Set(tasks.map((each) => each.group))].sort((a, b) => a - b);
  return groups.map((group) => tasks.filter((each) => each.group === group).map((each) => each.raw));
}

/** Templates of the document that these tasks call, and those that they call in turn. */
function needed(document: Obj, tasks: Obj[]): Obj[] {
  const found = new Map<string, Obj>();
  const visit = (task: Obj): void => {
    const name = typeof task.template === "string" && !task.templateRef ? task.template : "";
    const at = name && !found.has(name) ? template(document, name) : undefined;
    if (!at) return;
    found.set(name, at.raw);
    for (const call of calls(at)) visit(call.raw);
  };
  tasks.forEach(visit);
  return [...found.values()];
}

/** At `at` lies what was the upper left corner; steps that meet their own name get another. */
export function pasted(document: Source, scope: string, text: string, at: Place): string[] {
  const source = parse(text);
  const from = source.documents[0];
  if (source.trouble || !from) throw new Refused("What was copied is no workflow");
  const whole = plain(from);
  const inner = template(whole, entry(whole));
  const coming = inner ? calls(inner) : [];
  if (!inner || coming.length === 0) throw new Refused("What was copied has no steps");
  const used = bring(document, whole, String(inner.raw.name));
  const names = renamedAway(coming.map((each) => each.name), callsIn(document, scope).map((each) => each.name));
  const side = isDag(document, scope) ? "tasks" : "steps";
  for (const call of coming) {
    const node = document.createNode({ ...call.raw, name: names.get(call.name), ...(call.raw.template ? { template: used.get(String(call.raw.template)) ?? call.raw.template } : {}) });
    rewrite(node, (said) => rewritten(said, names).replace(/\b(tasks|steps)(?=[.[])/g, side));
    insert(document, scope, node);
  }
  if (!isDag(document, scope)) return settle(document, scope, whole, inner.raw, names, at);
  for (const name of names.values()) renameWaits(document, callAt(document, scope, name).path, callAt(document, scope, name).raw, names);
  return settle(document, scope, whole, inner.raw, names, at);
}

/** Templates of the copied document that are not here yet: by the names that they get here. */
function bring(document: Source, from: Obj, scope: string): Map<string, string> {
  const names = new Map<string, string>();
  const here = new Map(templates(plain(document)).map(({ raw }) => [String(raw.name), raw]));
  const coming = templates(from).filter(({ raw }) => raw.name !== scope);
  for (const { raw } of coming) {
    const name = String(raw.name);
    const there = here.get(name);
    names.set(name, there && same(there, raw) ? name : free(name, [...templateNames(document), ...names.values()]));
  }
  for (const { raw } of coming) {
    const name = names.get(String(raw.name)) ?? "";
    if (here.has(name)) continue;
    addTemplate(document, { ...raw, name });
    for (const call of callsIn(document, name)) {
      const called = names.get(String(call.raw.template));
      if (called) document.setIn([...call.path, "template"], called);
    }
  }
  return names;
}

function renamedAway(coming: string[], here: string[]): Map<string, string> {
  const names = new Map<string, string>();
  for (const name of coming) names.set(name, free(name, [...here, ...names.values()]));
  return names;
}

function settle(document: Source, scope: string, from: Obj, inner: Obj, names: ReadonlyMap<string, string>, at: Place): string[] {
  const known = new Set(callsIn(document, scope).map((each) => each.name));
  for (const name of names.values()) {
    const { raw } = callAt(document, scope, name);
    const lost = [...within(raw).map((ref) => ref.node), ...waitsFor(raw)].filter((each) => !known.has(each));
    if (lost.length) forget(document, scope, name, new Set(lost));
  }
  const old = places(from, String(inner.name));
  const left = Math.min(...[...old.values()].map((place) => place.x));
  const top = Math.min(...[...old.values()].map((place) => place.y));
  const moved = [...names].flatMap(([before, now]): [string, Place][] => {
    const place = old.get(before);
    return place ? [[now, { x: at.x + place.x - left, y: at.y + place.y - top }]] : [];
  });
  if (moved.length) move(document, scope, new Map(moved));
  return [...names.values()];
}

