/** A line's ends and kind, for who draws it. Pure. */

import type { Start } from "../fitting";
import { type Component, type End, type Graph, type PortKind, node, ports } from "../model";

export function line(start: Start, other: End): [End, End] {
  return start.side === "outputs" ? [start, other] : [other, start];
}

export function kindOfLine(graph: Graph, from: End, to: End): PortKind | "order" {
  const output = ports(node(graph, from.node), "outputs", from.port);
  return output && to.port ? output.kind : "order";
}

/** Of a line between a port of the drawing and one of a component that is not in it yet. */
export function kindOfNew(graph: Graph, start: Start, component: Component, port: string): PortKind | "order" {
  if (start.side === "outputs") return kindOfLine(graph, start, { node: "", port });
  const output = component.ports.outputs.find((each) => each.name === port);
  return output && start.port ? output.kind : "order";
}

/** The best output that nobody uses yet; with none, order. */
export function startOf(graph: Graph, id: string): Start {
  const outputs = node(graph, id)?.ports.outputs.filter((each) => each.name !== "result") ?? [];
  const idle = outputs.find((port) => !graph.edges.some((each) => each.from.node === id && each.from.port === port.name)) ?? outputs[0];
  return { node: id, port: idle?.name ?? "", side: "outputs" };
}
