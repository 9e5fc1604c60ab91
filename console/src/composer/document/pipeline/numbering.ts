/**
 * The numbers that upstream's compiler gives: tasks of one component and all groups are counted in the order in which
 * Python would write them, contents of a group before what comes after it. A document that is numbered so stays so.
 */

import { obj } from "../../ports/read";
import { always, consumed, keys, redirect, rekey, waits } from "./edit";
import { type Obj, componentOf, executorOf, executors, sanitized } from "./ir";
import type { Whole } from "./join";
import { type Group, type Node, type Program, everything, isLeaf } from "./program";

/** The key that each node should have, by the one that it has. */
export function numbered(program: Program): Map<string, string> {
  const found = new Map<string, string>();
  const counts = new Map<string, number>();
  const all = new Set(keys(program));
  let last = 0;
  const next = () => ++last;
  const name = (node: Node) => {
    const base = baseOf(program, node, all);
    const count = (counts.get(base) ?? 0) + 1;
    counts.set(base, count);
    found.set(node.key, count === 1 ? base : `${base}-${count}`);
  };
  const branch = (group: Group, first: boolean): void => {
    const own = next();
    if (!first) found.set(group.key, `condition-${own}`);
    walk(group);
  };
  const choice = (group: Group): void => {
    const own = last + 1;
    const [one, ...others] = [...group.children.values()].filter((each): each is Group => !isLeaf(each)).sort(byNumber);
    if (one) branch(one, true);
    found.set(group.key, `condition-branches-${own}`);
    if (one) found.set(one.key, `condition-${next()}`);
    for (const other of others) branch(other, false);
  };
  const walk = (group: Group): void => {
    for (const node of written(program, group, all)) {
      if (isLeaf(node)) name(node);
      else if (node.kind === "branches") choice(node);
      else {
        if (node.loop && "raw" in node.loop.over) found.set(code(node), String(next()));
        found.set(node.key, `${WORDS[node.kind] ?? node.kind}-${next()}`);
        walk(node);
      }
    }
  };
  walk(program.body);
  return found;
}

const WORDS: Record<string, string> = { loop: "for-loop", condition: "condition", exit: "exit-handler" };

/** Where the number of a written list is kept among the keys. */
function code(loop: Group): string {
  return `${loop.key} items`;
}

function byNumber(a: Group, b: Group): number {
  return numberOf(a.key) - numberOf(b.key);
}

function numberOf(key: string): number {
  return Number(/-(\d+)$/.exec(key)?.[1] ?? 1);
}

/** What a task is called before it gets a number: the function of its component, else what others are called, too. */
export function baseOf({ document }: Program, node: Node, all: ReadonlySet<string>): string {
  const args = obj(executorOf(document, componentOf(document, node.raw)).container).args;
  const texts = Array.isArray(args) ? args.map(String) : [];
  const called = sanitized(texts[texts.indexOf("--function_to_execute") + 1] ?? "");
  const bare = node.key.replace(/-\d+$/, "");
  if (texts.includes("--function_to_execute") && (node.key === called || node.key.replace(/(-\d+)+$/, "") === called || bare === called)) return called;
  return all.has(bare) ? bare : node.key;
}

// ---- the order of Python ---------------------------------------------------------------------------

/** A group's nodes as a program would write them: what is waited for first, then as they are numbered now. */
function written(program: Program, group: Group, all: ReadonlySet<string>): Node[] {
  const left = new Map(group.children);
  const before = new Map([...left].map(([key, node]) => [key, earlier(program, node)]));
  const marks = new Map([...left.values()].map((node) => [node, marksOf(program, node, all)]));
  const done: Node[] = [];
  while (left.size) {
    const ready = [...left.values()].filter((node) => [...(before.get(node.key) ?? [])].every((key) => !left.has(key)));
    const [next] = (ready.length ? ready : [...left.values()]).sort((a, b) => a.key.localeCompare(b.key, "en", { numeric: true }));
    const chosen = ready.find((node) => [...left.values()].every((other) => other === node || !ahead(marks.get(other), marks.get(node)) || leads(before, node.key, other.key))) ?? next;
    if (!chosen) break;
    left.delete(chosen.key);
    done.push(chosen);
  }
  return done;
}

/** What runs at the end of an exit handler is written before it. */
function earlier(program: Program, node: Node): Set<string> {
  const around = node.parent as Group;
  const found = waits(program, node);
  if (lastOf(node, around)) for (const name of [...found]) if (kindOfKey(around, name) === "exit") found.delete(name);
  if (!isLeaf(node) && node.kind === "exit") for (const each of around.children.values()) if (lastOf(each, around) && each.after.has(node.key)) found.add(each.key);
  return found;
}

function lastOf(node: Node, around: Group): boolean {
  return isLeaf(node) && always(node) && consumed(node).every((each) => each.kind !== "output") && [...node.after].some((name) => kindOfKey(around, name) === "exit");
}

function kindOfKey(around: Group, key: string): string {
  return around.children.get(key)?.kind ?? "";
}

/** The numbers that are in a node now: by what is counted, the lowest. */
function marksOf(program: Program, node: Node, all: ReadonlySet<string>): Map<string, number> {
  const found = new Map<string, number>();
  const mark = (of: string, n: number) => found.set(of, Math.min(n, found.get(of) ?? Number.POSITIVE_INFINITY));
  for (const each of isLeaf(node) ? [node] : [node, ...everything(node)]) {
    if (isLeaf(each)) {
      const base = baseOf(program, each, all);
      mark(base, each.key === base ? 1 : numberOf(each.key));
    } else mark(":groups", numberOf(each.key));
  }
  return found;
}

function ahead(a: ReadonlyMap<string, number> | undefined, b: ReadonlyMap<string, number> | undefined): boolean {
  return [...(a ?? [])].some(([of, n]) => n < (b?.get(of) ?? Number.NEGATIVE_INFINITY));
}

/** Whether `to` waits for `from`, however many are between. */
function leads(before: ReadonlyMap<string, Set<string>>, from: string, to: string): boolean {
  const seen = new Set<string>();
  const waiting = [to];
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    if (at === from) return true;
    if (seen.has(at)) continue;
    seen.add(at);
    waiting.push(...(before.get(at) ?? []));
  }
  return false;
}

// ---- new names -------------------------------------------------------------------------------------

/** Gives every node its key, and its component and executor the names that go with it. Returns components by their old names. */
export function renumber(whole: Whole, program: Program, names: ReadonlyMap<string, string>): Map<string, string> {
  const moved = [...everything(program.body)].filter((node) => (names.get(node.key) ?? node.key) !== node.key);
  const components = renamedComponents(whole, moved, names);
  for (const node of everything(program.body)) if (!isLeaf(node) && node.loop && "raw" in node.loop.over) node.loop.code = names.get(code(node)) ?? node.loop.code;
  const wanted = moved.map((node) => [node, names.get(node.key) ?? node.key] as const);
  for (const [i, node] of moved.entries()) rekey(program, node, `~${i}`);
  for (const [node, key] of wanted) rekey(program, node, key);
  for (const [node, key] of wanted) if (!isLeaf(node) && node.kind === "branches") rechoose(program, node, key);
  return components;
}

function rechoose(program: Program, choice: Group, key: string): void {
  const renamed = new Map(choice.choices.map(({ name }) => [name, name.replace(/^pipelinechannel--.*-oneof-/, `pipelinechannel--${key}-oneof-`)]));
  choice.choices = choice.choices.map((each) => ({ ...each, name: renamed.get(each.name) ?? each.name }));
  redirect(program, (channel) => (channel.kind === "output" && channel.task === key ? { ...channel, name: renamed.get(channel.name) ?? channel.name } : channel));
}

function renamedComponents({ document, platforms }: Whole, moved: readonly Node[], names: ReadonlyMap<string, string>): Map<string, string> {
  const components = new Map<string, string>();
  const labels = new Map<string, string>();
  for (const node of moved) {
    const key = names.get(node.key) ?? node.key;
    const name = String(obj(node.raw.componentRef).name ?? "");
    if (name !== `comp-${node.key}`) continue;
    components.set(name, `comp-${key}`);
    if (obj(obj(document.components)[name]).executorLabel === `exec-${node.key}`) labels.set(`exec-${node.key}`, `exec-${key}`);
  }
  if (taken(components, obj(document.components)) || taken(labels, executors(document))) return new Map();
  document.components = renamedKeys(obj(document.components), components);
  for (const name of components.values()) relabel(obj(obj(document.components)[name]), labels);
  document.deploymentSpec = { ...obj(document.deploymentSpec), executors: renamedKeys(executors(document), labels) };
  for (const each of Object.values(platforms)) {
    const spec = obj(obj(each).deploymentSpec);
    if (spec.executors) spec.executors = renamedKeys(obj(spec.executors), labels);
  }
  for (const node of moved) refer(node, components);
  return components;
}

function relabel(component: Obj, labels: ReadonlyMap<string, string>): void {
  const label = labels.get(String(component.executorLabel));
  if (label) component.executorLabel = label;
}

function refer(node: Node, components: ReadonlyMap<string, string>): void {
  const name = components.get(String(obj(node.raw.componentRef).name ?? ""));
  if (!name) return;
  node.raw = { ...node.raw, componentRef: { ...obj(node.raw.componentRef), name } };
  if (!isLeaf(node)) node.component = name;
}

/** A new name that belongs to somebody who keeps it. */
function taken(names: ReadonlyMap<string, string>, all: Obj): boolean {
  return [...names.values()].some((name) => name in all && !names.has(name));
}

function renamedKeys(map: Obj, names: ReadonlyMap<string, string>): Obj {
  return Object.fromEntries(Object.entries(map).map(([key, each]) => [names.get(key) ?? key, each]));
}
