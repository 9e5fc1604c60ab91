/**
 * How a served InferenceGraph goes, for its drawing: the state of each router and service, by the gateway's counters
 * and by the way of one request. Pure.
 */

import type { NodeStatus, Phase } from "../../api/types";
import { type InferenceService, readiness } from "../../endpoints/kinds";
import { type Sample, type StepCounters, type Tally, milliseconds, perSecond, recent, stepKey } from "../../endpoints/statistics";
import { type Taken, type Walked, isGood, told } from "../../endpoints/walks";
import { stepOf } from "../document/inference/language";
import type { Graph, GraphEdge } from "../model";

type Doc = Record<string, unknown>;

export interface Here {
  document: Doc;
  graph: Graph;
  /** By name; undefined while they are not known. */
  services: ReadonlyMap<string, InferenceService> | undefined;
  /** Ready replicas by InferenceService. */
  replicas: ReadonlyMap<string, number>;
  steps: readonly StepCounters[];
  seen: readonly Sample<Tally>[];
  walked: Walked | null;
}

/** The line of the drawing that a step is, and whether it leads to a service. */
export interface Line {
  edge: GraphEdge;
  index: number;
  service: string;
}

export function lines({ document, graph }: Pick<Here, "document" | "graph">): Line[] {
  return graph.edges.flatMap((edge) => {
    const step = stepOf(document, edge);
    return step ? [{ edge, index: step.at, service: String(step.raw.serviceName ?? "") }] : [];
  });
}

export function counters(here: Here, line: Line): StepCounters | undefined {
  return here.steps.find((each) => each.node === line.edge.from.node && each.index === line.index);
}

/** What is said on each node of the drawing: of the request that is shown, else of all that come. */
export function states(here: Here): Map<string, NodeStatus> {
  const all = lines(here);
  return new Map(
    here.graph.nodes.map((node) => {
      const leading = all.filter((line) => line.edge.to.node === node.id);
      const said = here.walked ? ofWalk(here.walked, node.id, leading) : ofService(here, node.id, leading, all);
      return [node.id, { id: node.id, name: node.id, displayName: node.id, type: "Pod", ...said }];
    }),
  );
}

type Said = Pick<NodeStatus, "phase" | "said">;

function ofWalk(walked: Walked, id: string, leading: readonly Line[]): Said {
  const visits = walked.steps.filter((taken) => leading.some((line) => line.edge.from.node === taken.node && line.index === taken.index));
  const last = visits.at(-1);
  if (id === ROOT && !last) return { phase: isGood(walked) ? "Succeeded" : "Failed", said: `${walked.status} · ${milliseconds(walked.took)}` };
  if (!last) return { phase: "Skipped", said: "not on its way" };
  const times = visits.length > 1 ? `${visits.length} times, last ` : "";
  return { phase: visits.every(isGood) ? "Succeeded" : "Failed", said: times + told(last) };
}

const ROOT = "root";

function ofService(here: Here, id: string, leading: readonly Line[], all: readonly Line[]): Said {
  const name = leading.find((line) => line.service)?.service ?? "";
  const rate = rateOf(here.seen, (leading.length ? leading : all.filter((line) => line.edge.from.node === id)).map(keyOf));
  if (!name) return { phase: "Succeeded", said: rate || "no request yet" };
  const service = here.services?.get(name);
  if (!service) return here.services ? { phase: "Failed", said: "no such InferenceService" } : { phase: "Pending", said: "" };
  const phase: Phase = readiness(service.status?.conditions)?.status === "True" ? "Succeeded" : "Pending";
  return { phase, said: [replicasOf(here.replicas.get(name) ?? 0), rate].filter(Boolean).join(" · ") };
}

function keyOf({ edge, index }: Line): string {
  return stepKey(edge.from.node, index);
}

function replicasOf(count: number): string {
  return count ? `${count} replica${count === 1 ? "" : "s"}` : "no replica";
}

/** `3.1/s · 12 ms`, of several steps together; '' before two looks. */
export function rateOf(seen: readonly Sample<Tally>[], keys: readonly string[]): string {
  const rates = keys.flatMap((key) => recent(seen, key) ?? []);
  if (!rates.length) return "";
  const requests = rates.reduce((sum, each) => sum + each.requests, 0);
  const slowest = Math.max(...rates.map((each) => each.p95 ?? 0));
  return slowest ? `${perSecond(requests)}/s · ${milliseconds(slowest)}` : "";
}

/** The lines that a request took. */
export function taken(here: Here): ReadonlySet<string> {
  const { walked } = here;
  if (!walked) return NONE;
  const way = new Set(walked.steps.map((each) => stepKey(each.node, each.index)));
  return new Set(lines(here).flatMap((line) => (way.has(keyOf(line)) ? [line.edge.id] : [])));
}

const NONE: ReadonlySet<string> = new Set();

/** What a step leads to, as the drawing has it. */
export function leadsTo(here: Here, { node, index }: Pick<Taken, "node" | "index">): string {
  const line = lines(here).find((each) => each.edge.from.node === node && each.index === index);
  const target = here.graph.nodes.find((each) => each.id === line?.edge.to.node);
  return `${node} → ${target?.title ?? `step ${index + 1}`}`;
}

/** What went wrong last on the lines to a node, or of a router on those from it. */
export function lastFailure(here: Here, id: string): StepCounters | undefined {
  const all = lines(here);
  const own = all.filter((line) => line.edge.to.node === id);
  const listed = (own.length ? own : all.filter((line) => line.edge.from.node === id)).flatMap((line) => counters(here, line) ?? []);
  return listed.filter((each) => each.failure).toSorted((a, b) => (b.failedAt ?? 0) - (a.failedAt ?? 0))[0];
}
