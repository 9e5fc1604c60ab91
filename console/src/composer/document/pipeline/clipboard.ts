/** Copied tasks are a pipeline of their own: what they got from around them is an input of it. Pasted, inputs of the same name and type are joined again, the others are left open. */

import { Document } from "yaml";
import type { Place } from "../../model";
import { obj } from "../../ports/read";
import { LAYOUT, inComment, move, places } from "../layout";
import { type Source, parse, plain } from "../yaml";
import { Refused, free } from "../workflow/parts";
import { type Hand, change, wholeOf } from "./change";
import { keys, redirect, rekey } from "./edit";
import { type Obj, ROOT, executors, tasksOf } from "./ir";
import { joined, material, platformsOf, reached } from "./join";
import { lowered, programOf } from "./lower";
import { baseOf } from "./numbering";
import { type Group, type Program, everything, groupOf, isLeaf } from "./program";
import { cut } from "./wrap";
import { typeOf } from "./types";

const COPIED = "copied";

export function copied(document: Source, scope: string, ids: Iterable<string>): string {
  const whole = wholeOf(document);
  const program = programOf(whole.document, scope);
  const around = groupOf(program, scope);
  const wanted = new Set(ids);
  const nodes = [...(around?.children.values() ?? [])].filter((each) => wanted.has(each.key));
  if (!around || nodes.length === 0) throw new Refused("Choose the steps first");
  const { inputs } = cut(program, around, nodes);
  const base: Obj = { ...whole.document, pipelineInfo: { name: COPIED }, root: { dag: { tasks: {} } } };
  const body: Group = { kind: "pipeline", key: "", component: ROOT, raw: {}, parent: null, after: new Set(), children: new Map(), choices: [] };
  for (const node of nodes) {
    node.parent = body;
    for (const name of [...node.after]) if (!wanted.has(name)) node.after.delete(name);
    body.children.set(node.key, node);
  }
  const alone: Program = { body, inputs: new Map([...inputs].map(([name, { definition }]) => [name, definition])), outputs: new Map(), known: program.known, document: base };
  const made = only(lowered(alone));
  const layout = Object.fromEntries([...places(plain(document), scope)].filter(([id]) => wanted.has(id)).map(([id, { x, y }]) => [id, [x, y]]));
  const text = new Document(made);
  text.commentBefore = ` ${LAYOUT}: ${JSON.stringify({ [ROOT]: layout })}`;
  const said = chosen(whole.platforms, new Set(Object.keys(executors(made))));
  return text.toString({ lineWidth: 0 }) + (Object.keys(said).length ? `---\n${new Document({ platforms: said }).toString({ lineWidth: 0 })}` : "");
}

function only(document: Obj): Obj {
  const used = reached(document, ROOT);
  const components = Object.fromEntries(Object.entries(obj(document.components)).filter(([name]) => used.has(name)));
  const labels = new Set(Object.values(components).map((each) => String(obj(each).executorLabel ?? "")));
  return { ...document, components, deploymentSpec: { ...obj(document.deploymentSpec), executors: Object.fromEntries(Object.entries(executors(document)).filter(([label]) => labels.has(label))) } };
}

function chosen(platforms: Obj, labels: ReadonlySet<string>): Obj {
  const found = Object.entries(platforms).flatMap(([platform]) => {
    const all = [...labels].flatMap((label) => {
      const said = platformsOf(platforms, label)[platform];
      return said === undefined ? [] : [[label, said] as const];
    });
    return all.length ? [[platform, { deploymentSpec: { executors: Object.fromEntries(all) } }] as const] : [];
  });
  return Object.fromEntries(found);
}

export function pasted(document: Source, scope: string, text: string, at: Place): string[] {
  const source = parse(text);
  const from = source.documents.find((each) => each.has("root"));
  if (source.trouble || !from) throw new Refused("What was copied is no pipeline");
  const coming = wholeOf(from);
  if (tasksOf(obj(coming.document.root)).length === 0) throw new Refused("What was copied has no tasks");
  const names = new Map<string, string>();
  const made = change(document, scope, (hand) => {
    const program = brought(hand, coming, names);
    for (const node of program.body.children.values()) {
      node.parent = hand.group;
      hand.group.children.set(node.key, node);
    }
    for (const [name, type] of program.known) if (!hand.program.known.has(name)) hand.program.known.set(name, type);
    return [...program.body.children.keys()];
  });
  settle(document, scope, inComment(from), names, at);
  return made;
}

/** The copied pipeline with names that are free here; its components are in the document already. */
function brought(hand: Hand, coming: ReturnType<typeof wholeOf>, names: Map<string, string>): Program {
  const { whole, program } = hand;
  const inner = material(coming, ROOT, COPIED);
  const holder = joined(whole, inner, COPIED);
  const found = programOf(whole.document, holder);
  whole.document.components = Object.fromEntries(Object.entries(obj(whole.document.components)).filter(([name]) => name !== holder));
  for (const node of [...everything(found.body)]) {
    const old = node.key;
    const others = [...everything(found.body)].filter((each) => each !== node).map((each) => each.key);
    const wanted = isLeaf(node) ? baseOf(found, node, new Set([...keys(program), ...others])) : old;
    rekey(found, node, free(wanted, [...keys(program), ...others, ...names.values()].filter((key) => key !== old || keys(program).includes(old))));
    names.set(old, node.key);
  }
  const have = (name: string, type: string) => {
    const own = program.inputs.get(name);
    return own !== undefined && typeOf(own) === type;
  };
  for (const [name, definition] of found.inputs) if (!have(name, typeOf(definition)) && needed(found, name)) program.inputs.set(name, definition);
  redirect(found, (channel) => (channel.kind !== "input" || program.inputs.has(channel.name) ? channel : null));
  return found;
}

/** A condition cannot do without what it asks for; a task's input can be left open. */
function needed(program: Program, name: string): boolean {
  return [...everything(program.body)].some((node) => !isLeaf(node) && node.when && JSON.stringify([...(node.when.of ?? []), ...node.when.channels.values()]).includes(`{"kind":"input","name":"${name}"}`));
}

function settle(document: Source, scope: string, layout: Record<string, unknown>, names: ReadonlyMap<string, string>, at: Place): void {
  const old = new Map(Object.entries(obj(obj(layout[LAYOUT])[ROOT])).filter((each): each is [string, [number, number]] => Array.isArray(each[1])));
  if (old.size === 0) return;
  const left = Math.min(...[...old.values()].map(([x]) => x));
  const top = Math.min(...[...old.values()].map(([, y]) => y));
  const moved = [...old].flatMap(([key, [x, y]]): [string, Place][] => {
    const now = names.get(key);
    return now ? [[now, { x: at.x + x - left, y: at.y + y - top }]] : [];
  });
  if (moved.length) move(document, scope, new Map(moved));
}

