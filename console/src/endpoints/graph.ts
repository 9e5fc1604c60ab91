/** An InferenceGraph as boxes and arrows: routers, and the services that they ask. Pure. */

import type { InferenceGraph, Step } from "./kinds";

export interface GraphBox {
  id: string;
  title: string;
  detail: string;
  /** Empty: a service. */
  router: string;
}

export interface Place {
  node: string;
  /** Among the node's steps, from 0. */
  index: number;
  router: string;
  step: string;
  target: string;
  label: string;
}

export interface Drawing {
  boxes: GraphBox[];
  arrows: { from: string; to: string; label?: string }[];
  places: Place[];
}

export function drawing(graph: InferenceGraph): Drawing {
  const boxes = new Map<string, GraphBox>();
  const arrows: Drawing["arrows"] = [];
  const places: Place[] = [];
  for (const [node, { routerType, steps = [] }] of Object.entries(graph.spec.nodes).sort(rootFirst)) {
    boxes.set(`node ${node}`, { id: `node ${node}`, title: node, detail: routerType, router: routerType });
    steps.forEach((step, i) => {
      const target = step.nodeName ?? step.serviceName ?? step.serviceUrl ?? "";
      const id = step.nodeName ? `node ${step.nodeName}` : `service ${target}`;
      if (!step.nodeName) boxes.set(id, { id, title: target, detail: "InferenceService", router: "" });
      const label = told(routerType, step, i);
      arrows.push({ from: `node ${node}`, to: id, ...(label ? { label } : {}) });
      places.push({ node, index: i, router: routerType, step: step.name || String(i + 1), target, label });
    });
  }
  return { boxes: [...boxes.values()], arrows: joined(arrows), places };
}

const rootFirst = ([a]: [string, unknown], [b]: [string, unknown]) => Number(b === "root") - Number(a === "root") || a.localeCompare(b);

/** What decides whether, when or how often a step is taken. */
function told(router: string, step: Step, i: number): string {
  if (router === "Splitter") return `${step.weight ?? 0} %`;
  if (step.condition) return step.condition;
  return router === "Sequence" ? `${i + 1}${step.data ? ` ${step.data}` : ""}` : "";
}

/** Two steps to the same service are one arrow with both labels. */
function joined(arrows: Drawing["arrows"]): Drawing["arrows"] {
  const found = new Map<string, { from: string; to: string; label?: string }>();
  for (const arrow of arrows) {
    const key = `${arrow.from}→${arrow.to}`;
    const label = [found.get(key)?.label, arrow.label].filter(Boolean).join(", ");
    found.set(key, { from: arrow.from, to: arrow.to, ...(label ? { label } : {}) });
  }
  return [...found.values()];
}
