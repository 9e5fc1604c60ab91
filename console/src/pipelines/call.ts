/** An order for a run, and the same as a program would say it. Pure. */

import type { Trigger } from "./kfp";
import type { Json, PipelineSpec } from "./spec";

export interface Order {
  name: string;
  description: string;
  experiment: string;
  pipeline: string;
  version: string;
  account: string;
  root: string;
  parameters: Record<string, Json>;
  /** Given: the pipeline itself goes along, with this said of every task's cache. */
  caching?: boolean;
  /** Given: again and again. */
  again?: { trigger: Trigger; concurrency: string; catchup: boolean };
}

export function body(order: Order, spec: PipelineSpec | undefined): Record<string, unknown> {
  const { parameters, root, again } = order;
  const source =
    order.caching === undefined || !spec
      ? { pipeline_version_reference: { pipeline_id: order.pipeline, pipeline_version_id: order.version } }
      : { pipeline_spec: cached(spec, order.caching) };
  return {
    display_name: order.name,
    ...(order.description ? { description: order.description } : {}),
    ...(order.experiment ? { experiment_id: order.experiment } : {}),
    ...source,
    runtime_config: { parameters, ...(root ? { pipeline_root: root } : {}) },
    ...(order.account ? { service_account: order.account } : {}),
    ...(again ? { mode: "ENABLE", max_concurrency: again.concurrency, no_catchup: !again.catchup, trigger: again.trigger } : {}),
  };
}

interface Tasked {
  dag?: { tasks?: Record<string, { cachingOptions?: object }> };
}

/** The pipeline with every task's cache switched, as the SDK's `enable_caching` does. */
export function cached(spec: PipelineSpec, on: boolean): PipelineSpec {
  const copy = structuredClone(spec);
  const holders = [copy.root, ...Object.values(copy.components ?? {})] as (Tasked | undefined)[];
  for (const holder of holders)
    for (const task of Object.values(holder?.dag?.tasks ?? {})) task.cachingOptions = on ? { enableCache: true } : {};
  return copy;
}

export function path(order: Order, namespace: string): string {
  return `/${order.again ? "recurringruns" : "runs"}?${new URLSearchParams({ namespace })}`;
}

export function curl(order: Order, namespace: string, origin: string): string {
  const { pipeline_spec: inline, ...rest } = body(order, undefined) as Record<string, unknown>;
  const text = JSON.stringify(inline ? { ...rest, pipeline_spec: inline } : rest, null, 2).replaceAll("'", "'\\''");
  return `curl -X POST '${origin}/apis/v2beta1${path(order, namespace)}' \\\n  -H "Authorization: Bearer $TOKEN" \\\n  -H 'Content-Type: application/json' \\\n  -d '${text}'`;
}

export function python(order: Order): string {
  const given: [string, string][] = [
    [order.again ? "experiment_id" : "experiment_id", order.experiment ? literal(order.experiment) : 'client.create_experiment("Default").experiment_id'],
    ["job_name", literal(order.name)],
    ["pipeline_id", literal(order.pipeline)],
    ["version_id", literal(order.version)],
    ["params", literal(order.parameters as Json)],
  ];
  if (order.description && order.again) given.push(["description", literal(order.description)]);
  if (order.caching !== undefined) given.push(["enable_caching", literal(order.caching)]);
  if (order.root) given.push(["pipeline_root", literal(order.root)]);
  if (order.account) given.push(["service_account", literal(order.account)]);
  if (order.again) given.push(...repeated(order.again));
  const call = order.again ? "create_recurring_run" : "run_pipeline";
  return `import kfp\n\nclient = kfp.Client()\nclient.${call}(\n${given.map(([key, value]) => `    ${key}=${value},`).join("\n")}\n)`;
}

function repeated({ trigger, concurrency, catchup }: NonNullable<Order["again"]>): [string, string][] {
  const { cron_schedule: cron, periodic_schedule: periodic } = trigger;
  const { start_time, end_time } = cron ?? periodic ?? {};
  const found: [string, string][] = [cron ? ["cron_expression", literal(cron.cron ?? "")] : ["interval_second", String(periodic?.interval_second ?? "")]];
  if (start_time) found.push(["start_time", literal(start_time)]);
  if (end_time) found.push(["end_time", literal(end_time)]);
  return [...found, ["max_concurrency", concurrency], ["no_catchup", literal(!catchup)]];
}

/** As Python writes it. */
export function literal(value: Json): string {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (Array.isArray(value)) return `[${value.map(literal).join(", ")}]`;
  if (typeof value === "object") return `{${Object.entries(value).map(([key, one]) => `${JSON.stringify(key)}: ${literal(one)}`).join(", ")}}`;
  return JSON.stringify(value);
}
