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

/** The input that most needs something: what must be given and is not, then what could be. */
export function inputOf(graph: Graph, id: string): Start | undefined {
  const step = node(graph, id);
  const open = step?.ports.inputs.filter((port) => !step.given?.has(port.name) && !graph.edges.some((each) => each.to.node === id && each.to.port === port.name)) ?? [];
  const found = open.find((port) => port.required) ?? open.find((port) => port.kind === "artifact") ?? open[0];
  return found && { node: id, port: found.name, side: "inputs" };
}

/** Other ports where a line could begin at the same side of the same step. */
export function otherStarts(graph: Graph, { node: id, port, side }: Start): Start[] {
  return (node(graph, id)?.ports[side] ?? []).filter((each) => each.name !== port).map((each) => ({ node: id, port: each.name, side }));
}
