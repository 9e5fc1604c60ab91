/** From a document to a Workflow that runs it, whole or up to a step; and from a run's nodes to the drawing's. Pure, save `start`. */

import { create } from "../api/kube";
import { WORKFLOW, collection } from "../api/resources";
import type { NodeStatus, Phase, Workflow } from "../api/types";
import { within } from "./document/workflow/references";
import { waitsFor } from "./document/workflow/parts";
import { type Obj, calls, entry, specOf, template } from "./document/workflow/shape";
import type { Library } from "./library";
import { asked, refOf } from "./document/workflow/read";
import { list, obj } from "./ports/read";

export const MEMOIZE = "pinnace.dev/memoize";

export interface Wanted {
  /** Only this step and what it needs. */
  to?: string;
  /** This step anew, whatever was kept of it. */
  again?: string;
  /** The drawing in which that step is, from the outermost. */
  trail: readonly string[];
  /** Steps whose code and inputs did not change are taken from earlier runs. */
  reuse: boolean;
  parameters: Record<string, string>;
}

/** How documents of a language run: as Workflows, whatever they are written in. */
export interface Running {
  /** Parameters of the whole, as a person is asked for them: `{name, value?, default?, enum?, description?}`. */
  asked(document: Obj): Obj[];
  /** What is missing before it can run: parameters without a value. */
  missing(document: Obj): string[];
  /** Returns the name of the Workflow. */
  start(document: Obj, namespace: string, wanted: Wanted, library: Library): Promise<string>;
  /** The state of each node of a drawing by the nodes of that Workflow. */
  statuses(nodes: ReadonlyMap<string, NodeStatus>, workflow: string, trail: readonly string[], document: Obj): Map<string, NodeStatus>;
}

export const RUNNING: Running = { asked, missing, start, statuses };

async function start(document: Obj, namespace: string, wanted: Wanted, library: Library): Promise<string> {
  const made = await create<Workflow>(collection(WORKFLOW, namespace), workflowOf(document, namespace, wanted, library));
  return made.metadata.name;
}

/** What is missing before it can run: parameters without a value. */
export function missing(document: Obj): string[] {
  return list(obj(specOf(document).arguments).parameters)
    .filter((each) => each.value === undefined && each.default === undefined && !each.valueFrom)
    .map((each) => String(each.name));
}

export function workflowOf(document: Obj, namespace: string, wanted: Wanted, library: Library): Obj {
  const spec = structuredClone(specOf(document));
  const meta = obj(document.metadata);
  for (const parameter of list(obj(spec.arguments).parameters)) {
    const given = wanted.parameters[String(parameter.name)];
    if (given !== undefined) parameter.value = given;
  }
  const annotations = { ...obj(meta.annotations), ...(wanted.reuse ? { [MEMOIZE]: "content" } : {}) };
  const made: Obj = {
    apiVersion: "argoproj.io/v1alpha1",
    kind: "Workflow",
    metadata: {
      generateName: String(meta.generateName ?? `${String(meta.name ?? "drawing")}-`),
      namespace,
      labels: { ...obj(meta.labels), "pinnace.dev/composer": "1" },
      ...(Object.keys(annotations).length ? { annotations } : {}),
    },
    spec,
  };
  if (!spec.entrypoint) spec.entrypoint = entry(made);
  const scope = wanted.trail.at(-1);
  if (wanted.to && scope) prune(made, wanted.trail, wanted.to);
  if (wanted.again && scope) afresh(made, scope, wanted.again, library);
  return made;
}

/** Leaves a step and what comes before it; in the drawings around it, what comes before the step that holds it. */
function prune(document: Obj, trail: readonly string[], to: string): void {
  trail.forEach((scope, depth) => {
    const found = template(document, scope);
    if (!found) return;
    const inner = trail[depth + 1];
    const end = inner === undefined ? to : calls(found).find((each) => each.raw.template === inner)?.name;
    if (end === undefined) return;
    const kept = needed(found, end);
    const dag = obj(found.raw.dag);
    if (found.raw.dag) dag.tasks = list(dag.tasks).filter((each) => kept.has(String(each.name)));
    else found.raw.steps = (found.raw.steps as Obj[][]).map((group) => group.filter((each) => kept.has(String(each.name)))).filter((group) => group.length);
    trimOutputs(found.raw, kept);
  });
}

function needed(found: Parameters<typeof calls>[0], end: string): Set<string> {
  const all = calls(found);
  const kept = new Set([end]);
  const waiting = [end];
  for (let here = waiting.pop(); here !== undefined; here = waiting.pop()) {
    const call = all.find((each) => each.name === here);
    const earlier = found.raw.steps && call ? all.filter((each) => each.group < call.group).map((each) => each.name) : [];
    const spoken = within(call?.raw).map((ref) => ref.node);
    for (const name of [...waitsFor(call?.raw ?? {}), ...earlier, ...spoken])
      if (!kept.has(name) && all.some((each) => each.name === name)) {
        kept.add(name);
        waiting.push(name);
      }
  }
  return kept;
}

/** Outputs of steps that are left out cannot be given on. */
function trimOutputs(raw: Obj, kept: ReadonlySet<string>): void {
  const outputs = obj(raw.outputs);
  for (const side of ["parameters", "artifacts"])
    if (outputs[side]) outputs[side] = list(outputs[side]).filter((each) => within(each).every((ref) => kept.has(ref.node)));
}

/** The step calls a copy of its template that is never taken from before. */
function afresh(document: Obj, scope: string, id: string, library: Library): void {
  const found = template(document, scope);
  const call = found && calls(found).find((each) => each.name === id);
  if (!call) return;
  const ref = refOf(call);
  const raw = ref ? library.find(ref)?.raw : template(document, String(call.raw.template))?.raw;
  if (!raw) return;
  const name = `${id}-anew`;
  const meta = obj(raw.metadata);
  const copy = { ...structuredClone(raw), name, metadata: { ...meta, annotations: { ...obj(meta.annotations), [MEMOIZE]: "never" } } };
  list(specOf(document).templates);
  (specOf(document).templates as Obj[]).push(copy);
  delete call.raw.templateRef;
  call.raw.template = name;
}

// ---- what a run looks like in the drawing ------------------------------------------------------

const ORDER: Phase[] = ["Failed", "Error", "Running", "Pending"];

/** The state of each node of a drawing: of a loop the group's, or the worst of its turns. */
export function statuses(nodes: ReadonlyMap<string, NodeStatus>, workflow: string, trail: readonly string[]): Map<string, NodeStatus> {
  const all = [...nodes.values()];
  const root = nodes.get(workflow);
  if (!root) return new Map();
  let boundary = root.id;
  for (const scope of trail.slice(1)) {
    const inner = all.find((each) => each.boundaryID === boundary && each.templateName === scope && each.type !== "Retry");
    if (!inner) return new Map();
    boundary = inner.id;
  }
  const found = new Map<string, NodeStatus>();
  const inside = all.filter((each) => each.boundaryID === boundary && each.type !== "StepGroup");
  for (const each of inside) if (!/\(\d/.test(each.displayName)) found.set(each.displayName, each);
  for (const each of inside) {
    const name = each.displayName.replace(/\(\d.*$/, "");
    if (name === each.displayName || (found.has(name) && !turns.has(found.get(name) as NodeStatus))) continue;
    const merged = worse(found.get(name), each, name);
    turns.add(merged);
    found.set(name, merged);
  }
  if (trail.length === 1 && inside.length === 0 && trail[0]) found.set(trail[0], root);
  return found;
}

/** States that were put together from turns: another turn may still change them. */
const turns = new WeakSet<NodeStatus>();

function worse(a: NodeStatus | undefined, b: NodeStatus, displayName: string): NodeStatus {
  const rank = (each: NodeStatus) => (ORDER.indexOf(each.phase || "Pending") + ORDER.length + 1) % (ORDER.length + 1);
  if (!a) return { ...b, displayName };
  const [bad, other] = rank(a) <= rank(b) ? [a, b] : [b, a];
  const started = [bad.startedAt, other.startedAt].filter((at) => at !== undefined).sort()[0];
  return { ...bad, displayName, ...(started ? { startedAt: started } : {}) };
}
