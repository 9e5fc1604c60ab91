/** From a pipeline to a run of it, whole or up to a task, by Pipelines' API. Pure, save `start`. */

import { create, get } from "../../api/kube";
import { WORKFLOW, collection } from "../../api/resources";
import type { Workflow } from "../../api/types";
import { type Hand, platformsBeside } from "../document/pipeline/change";
import { remove, setCaching, waits } from "../document/pipeline/edit";
import { type Obj, definitions } from "../document/pipeline/ir";
import { reached, swept } from "../document/pipeline/join";
import { lowered, programOf } from "../document/pipeline/lower";
import { type Group, type Node, chain, groupOf } from "../document/pipeline/program";
import { expected, parameterType, typed, written } from "../document/pipeline/types";
import { sourceOf } from "../document/yaml";
import { obj } from "../ports/read";
import type { Running, Wanted } from "../running";
import { statuses } from "./states";

const API = "/apis/v2beta1";

export const RUNNING: Running = { asked, missing, start, statuses };

function inputs(document: Obj): [string, Obj][] {
  return [...definitions(obj(document.root).inputDefinitions)].filter(([, { side }]) => side === "parameters").map(([name, { raw }]) => [name, raw]);
}

function asked(document: Obj): Obj[] {
  return inputs(document).map(([name, raw]) => ({
    name,
    description: raw.description ?? (parameterType(raw) === "STRING" ? "" : `Expected: ${expected(parameterType(raw))}`),
    ...(raw.defaultValue === undefined ? (raw.isOptional ? { default: "" } : {}) : { default: written(raw.defaultValue) }),
    ...(Array.isArray(raw.literals) ? { enum: raw.literals.map(written) } : {}),
  }));
}

function missing(document: Obj): string[] {
  return inputs(document).filter(([, raw]) => raw.defaultValue === undefined && !raw.isOptional).map(([name]) => name);
}

/** What was typed, as the inputs want it; what says the default is not sent. */
export function parameters(document: Obj, given: Readonly<Record<string, string>>): Obj {
  return Object.fromEntries(
    inputs(document).flatMap(([name, raw]) => {
      const text = given[name];
      if (text === undefined || text === written(raw.defaultValue) || (text === "" && (raw.isOptional || raw.defaultValue !== undefined))) return [];
      const value = typed(text, parameterType(raw));
      if (value === undefined) throw new Error(`${name}: expected ${expected(parameterType(raw))}`);
      return [[name, value]];
    }),
  );
}

interface Started {
  run_id: string;
}

async function start(document: Obj, namespace: string, wanted: Wanted): Promise<string> {
  const second = sourceOf(document);
  const beside = second && platformsBeside(second);
  const body = bodyOf(document, obj((beside?.toJS() as Obj | undefined)?.platforms), wanted, new Date());
  const { run_id } = await create<Started>(`${API}/runs?${new URLSearchParams({ namespace })}`, body);
  const { items } = await get<{ items: Workflow[] }>(collection(WORKFLOW, namespace, { labels: `pipeline/runid=${run_id}` }));
  const name = items[0]?.metadata.name;
  if (!name) throw new Error(`The run ${run_id} has begun, but its Workflow is in another namespace: look among the runs of Pipelines`);
  return name;
}

export function bodyOf(document: Obj, platforms: Obj, wanted: Wanted, now: Date): Obj {
  const pipeline = wanted.to || wanted.again ? part(document, wanted) : document;
  const name = String(obj(document.pipelineInfo).name ?? "pipeline");
  return {
    display_name: `${name} ${now.toISOString().slice(0, 19).replace("T", " ")}`,
    pipeline_spec: Object.keys(platforms).length ? { pipeline_spec: pipeline, platform_spec: { platforms } } : pipeline,
    runtime_config: { parameters: parameters(document, wanted.parameters) },
  };
}

/** Up to a task: it and what comes before it, in its drawing and in those around it. Again from a task: nothing of it is taken from before. */
function part(document: Obj, { trail, to, again }: Wanted): Obj {
  let made = document;
  let end = to ?? again ?? "";
  for (const scope of [...trail].reverse()) {
    const program = programOf(structuredClone(made), scope);
    const group = groupOf(program, scope);
    const node = group?.children.get(end) ?? calling(group, end);
    if (!group || !node) continue;
    if (to) remove({ program, group, whole: { document: program.document, platforms: {} } } satisfies Hand, others(group, node));
    else if (scope === trail.at(-1)) setCaching(node, false);
    made = lowered(program);
    end = scope;
  }
  const whole = { document: structuredClone(made), platforms: {} };
  swept(whole, reached(document, "root"));
  return whole.document;

  function others(group: Group, node: Node): string[] {
    const kept = new Set([node.key]);
    const program = { body: chain(node)[0] as Group } as Parameters<typeof waits>[0];
    for (const key of kept) for (const name of waits(program, group.children.get(key) ?? node)) kept.add(name);
    return [...group.children.keys()].filter((key) => !kept.has(key));
  }
}

/** The node of a drawing that opens another one. */
function calling(group: Group | undefined, scope: string): Node | undefined {
  return [...(group?.children.values() ?? [])].find((each) => obj(each.raw.componentRef).name === scope);
}
