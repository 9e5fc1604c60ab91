/** KServe's InferenceGraph as a language of the composer: routers and the services that they send requests to. */

import type { Component, End, Graph, GraphEdge, GraphNode, Place, Port } from "../../model";
import { edgeId } from "../../model";
import { list, obj } from "../../ports/read";
import type { Language } from "../language";
import { follow, move, notes, places } from "../layout";
import { metaTold } from "../told";
import { Refused, free, named, replaceScalar, seqAt } from "../workflow/parts";
import { type Source, plain, put } from "../yaml";

type Obj = Record<string, unknown>;

const NODES = ["spec", "nodes"] as const;
const ROOT = "root";
const CALLED: Port = { name: "request", kind: "artifact", types: ["any"] };
const WORDS: Record<string, string> = {
  Sequence: "one after the other",
  Splitter: "one by its share",
  Ensemble: "all at once",
  Switch: "the first whose condition holds",
};

/** A step's target: a router's name, or a service written `service/name` (it is no node of the document). */
const SERVICE = "service/";

interface Step {
  router: string;
  at: number;
  raw: Obj;
  target: string;
}

function routers(document: Obj): [string, Obj][] {
  return Object.entries(obj(obj(document.spec).nodes)).map(([name, raw]) => [name, obj(raw)]);
}

function steps(document: Obj): Step[] {
  return routers(document).flatMap(([router, { steps: said }]) =>
    list(said).map((raw, at) => ({ router, at, raw, target: raw.nodeName ? String(raw.nodeName) : `${SERVICE}${String(raw.serviceName ?? raw.serviceUrl ?? "")}` })),
  );
}

function read(document: Obj): Graph {
  const all = steps(document);
  const known = routers(document);
  const names = new Set(known.map(([name]) => name));
  const services = [...new Set(all.map((each) => each.target).filter((target) => target.startsWith(SERVICE)))];
  const lost = [...new Set(all.map((each) => each.target).filter((target) => !target.startsWith(SERVICE) && !names.has(target)))];
  const kinds = new Map(known.map(([name, raw]) => [name, String(raw.routerType ?? "Sequence")]));
  return {
    nodes: [...known.map(([name, raw]) => router(name, raw)), ...services.map((id) => service(id, all)), ...lost.map((id) => missing(id, all))],
    edges: all.map((step) => edge(step, kinds.get(step.router) ?? "Sequence")),
    notes: notes(document, ""),
    places: places(document, ""),
  };
}

function router(name: string, raw: Obj): GraphNode {
  const kind = String(raw.routerType ?? "Sequence");
  return {
    id: name,
    title: name === ROOT ? "root: where requests come in" : name,
    detail: `${kind}: ${WORDS[kind] ?? ""}`,
    icon: kind === "Splitter" ? "split" : kind === "Switch" ? "git-branch" : "workflow",
    group: "Serving",
    ports: { inputs: name === ROOT ? [] : [CALLED], outputs: [{ name: "steps", kind: "artifact", types: ["any"] }] },
    badges: [],
    path: [...NODES, name],
  };
}

function service(id: string, all: Step[]): GraphNode {
  const step = all.find((each) => each.target === id);
  return {
    id,
    title: id.slice(SERVICE.length) || "a service",
    detail: step?.raw.serviceUrl ? "address" : "InferenceService",
    icon: "rocket",
    group: "Models",
    ports: { inputs: [CALLED], outputs: [] },
    badges: [],
    path: step ? [...NODES, step.router, "steps", step.at] : [...NODES],
  };
}

function missing(id: string, all: Step[]): GraphNode {
  return { ...service(id, all), title: id, detail: "there is no such router", unknown: true };
}

function edge({ router: from, at, raw, target }: Step, kind: string): GraphEdge {
  const weight = kind === "Splitter" && raw.weight !== undefined ? `${String(raw.weight)} %` : "";
  const order = kind === "Sequence" ? `${at + 1}` : "";
  const label = [order, weight, raw.condition ? String(raw.condition) : "", raw.data === "$response" ? "with the last answer" : ""].filter(Boolean).join(" · ");
  const ends: [End, End] = [{ node: from, port: "steps" }, { node: target, port: "request" }];
  return { id: `${edgeId(...ends)}#${at}`, from: ends[0], to: ends[1], kind: "data", type: "any", ...(label ? { label } : {}) };
}

/** The step that an edge stands for. */
export function stepOf(document: Obj, edge: GraphEdge): (Step & { path: (string | number)[] }) | undefined {
  const at = Number(edge.id.split("#").at(-1));
  const found = steps(document).find((each) => each.router === edge.from.node && each.at === at);
  return found && { ...found, path: [...NODES, found.router, "steps", at] };
}

// ---- edits -------------------------------------------------------------------------------------

function add(document: Source, scope: string, component: Component, at?: Place): { id: string; scope: string } {
  const whole = plain(document);
  const id = component.fresh ? addRouter(document, whole, String(component.fresh.routerType)) : addService(document, whole, component);
  if (at) move(document, "", new Map([[id, at]]));
  return { id, scope };
}

function addRouter(document: Source, whole: Obj, routerType: string): string {
  const names = routers(whole).map(([name]) => name);
  const name = names.includes(ROOT) ? free(routerType.toLowerCase(), names) : ROOT;
  put(document, [...NODES, name], { routerType, steps: [] });
  return name;
}

/** A service is there as soon as something is sent to it: the root begins. */
function addService(document: Source, whole: Obj, component: Component): string {
  if (!obj(obj(whole.spec).nodes)[ROOT]) addRouter(document, whole, "Sequence");
  const serviceName = component.title;
  seqAt(document, [...NODES, ROOT, "steps"]).add(document.createNode({ serviceName }, { flow: true }));
  return `${SERVICE}${serviceName}`;
}

function connect(document: Source, _: string, from: End, to: End): void {
  const whole = plain(document);
  const kind = String(obj(obj(obj(whole.spec).nodes)[from.node]).routerType ?? "Sequence");
  if (leadsTo(whole, to.node, from.node)) throw new Refused(`${to.node} leads to ${from.node}: this would be a circle`);
  const sample = steps(whole).find((each) => each.target === to.node)?.raw;
  const place: Obj = to.node.startsWith(SERVICE) ? pick(sample ?? { serviceName: to.node.slice(SERVICE.length) }, ["serviceName", "serviceUrl"]) : { nodeName: to.node };
  const count = seqAt(document, [...NODES, from.node, "steps"]).items.length;
  const more = kind === "Splitter" ? { weight: count ? 0 : 100 } : kind === "Sequence" && count ? { data: "$response" } : {};
  seqAt(document, [...NODES, from.node, "steps"]).add(document.createNode({ ...place, ...more }, { flow: true }));
}

const TARGETS = ["nodeName", "serviceName", "serviceUrl"];

function pick(raw: Obj, keys: string[]): Obj {
  return Object.fromEntries(keys.filter((key) => raw[key] !== undefined).map((key) => [key, raw[key]]));
}

function leadsTo(document: Obj, from: string, to: string): boolean {
  const all = steps(document);
  const seen = new Set<string>();
  const visit = (at: string): boolean => {
    if (at === to) return true;
    if (seen.has(at)) return false;
    seen.add(at);
    return all.some((each) => each.router === at && visit(each.target));
  };
  return visit(from);
}

function disconnect(document: Source, _: string, edge: GraphEdge): void {
  const step = stepOf(plain(document), edge);
  if (step) document.deleteIn(step.path);
}

/** The step that leads on is the router's now, with its share and condition; the router has one step, to where it led. */
function splice(document: Source, _: string, edge: GraphEdge, id: string): void {
  const step = stepOf(plain(document), edge);
  if (!step) return;
  if (leadsTo(plain(document), id, edge.from.node)) throw new Refused(`${id} leads to ${edge.from.node}: this would be a circle`);
  const target = pick(step.raw, TARGETS);
  for (const key of TARGETS) document.deleteIn([...step.path, key]);
  document.setIn([...step.path, "nodeName"], id);
  seqAt(document, [...NODES, id, "steps"]).add(document.createNode(target, { flow: true }));
}

function remove(document: Source, _: string, ids: Iterable<string>): void {
  const gone = new Set(ids);
  for (const id of gone) document.deleteIn([...NODES, id]);
  const left = steps(plain(document)).filter((each) => gone.has(each.target));
  for (const { router: from, at } of left.reverse()) document.deleteIn([...NODES, from, "steps", at]);
  follow(document, "", new Map([...gone].map((id) => [id, null])));
}

function rename(document: Source, _: string, id: string, wanted: string): void {
  if (id === wanted) return;
  const all = steps(plain(document));
  if (id.startsWith(SERVICE)) {
    for (const { router: from, at, target, raw } of all)
      if (target === id) replaceScalar(document, [...NODES, from, "steps", at, raw.serviceUrl ? "serviceUrl" : "serviceName"], wanted);
    follow(document, "", new Map([[id, `${SERVICE}${wanted}`]]));
    return;
  }
  if (id === ROOT) throw new Refused("Requests come in at root: it keeps its name");
  const name = named(wanted, routers(plain(document)).map(([each]) => each));
  document.setIn([...NODES, name], document.getIn([...NODES, id], true));
  document.deleteIn([...NODES, id]);
  for (const { router: from, at, target } of all)
    if (target === id) replaceScalar(document, [...NODES, from === id ? name : from, "steps", at, "nodeName"], name);
  follow(document, "", new Map([[id, name]]));
}

export function setStep(document: Source, edge: GraphEdge, key: string, value: string | number | null): void {
  const step = stepOf(plain(document), edge);
  if (!step) return;
  if (value === null || value === "") document.deleteIn([...step.path, key]);
  else replaceScalar(document, [...step.path, key], value);
}

const ROUTERS: readonly Component[] = Object.entries(WORDS).map(([routerType, description]) => ({
  key: `router/${routerType}`,
  title: routerType,
  description: `Sends a request to ${description}.`,
  group: "Routers",
  icon: routerType === "Splitter" ? "split" : routerType === "Switch" ? "git-branch" : "workflow",
  ports: { inputs: [CALLED], outputs: [{ name: "steps", kind: "artifact", types: ["any"] }] },
  fresh: { routerType },
}));

/** InferenceServices of the namespace as components. */
export function services(names: Iterable<string>): Component[] {
  return [...names].map((name) => ({
    key: `service/${name}`,
    title: name,
    description: "A model in service.",
    group: "Models in service",
    icon: "rocket",
    ports: { inputs: [CALLED], outputs: [] },
  }));
}

function copied(document: Source, _: string, ids: Iterable<string>): string {
  const wanted = new Set(ids);
  const nodes = Object.fromEntries(routers(plain(document)).filter(([name]) => wanted.has(name)));
  return JSON.stringify({ apiVersion: "serving.kserve.io/v1alpha1", kind: "InferenceGraph", spec: { nodes } }, null, 2);
}

function pasted(document: Source, _: string, text: string, at: Place): string[] {
  const whole = JSON.parse(text) as Obj;
  const here = routers(plain(document)).map(([name]) => name);
  const names = new Map<string, string>();
  for (const [name] of routers(whole)) names.set(name, free(name, [...here, ...names.values()]));
  for (const [name, raw] of routers(whole)) {
    const said = list(raw.steps).map((step) => (step.nodeName ? { ...step, nodeName: names.get(String(step.nodeName)) ?? step.nodeName } : step));
    put(document, [...NODES, names.get(name) ?? name], { ...raw, steps: said });
  }
  move(document, "", new Map([...names.values()].map((name, i) => [name, { x: at.x + i * 40, y: at.y + i * 90 }])));
  return [...names.values()];
}

export const language: Language = {
  form: "inference",
  kinds: ["InferenceGraph"],
  entry: () => "",
  scopes: () => [],
  read,
  told: metaTold,
  palette: (_document, _scope, shared) => [...shared.services, ...ROUTERS],
  value: () => () => "",
  add,
  connect,
  disconnect,
  splice,
  remove,
  rename,
  copied,
  pasted,
  kept: "object",
  judged: true,
  exports: [
    { what: "bundle", label: "Export as a kustomize bundle" },
    { what: "acumos", label: "Export as Acumos JSON" },
  ],
};

