/** What of a node's ports is drawn, and how large the node is then. Pure: the layout needs the size before anything is on the screen. */

import type { Graph, GraphNode, Port } from "../model";

export const WIDTH = 220;
const HEAD = 46;
const ROW = 22;
const FOOT = 8;

export interface Rows {
  inputs: Port[];
  outputs: Port[];
  /** Inputs that are set in the form and not drawn. */
  settings: number;
}

/** Files always; parameters where something comes in or must. What a script prints, if it is used or all that there is. */
export function rows(graph: Graph, { id, ports }: GraphNode): Rows {
  const wiredIn = new Set(graph.edges.filter((each) => each.to.node === id).map((each) => each.to.port));
  const wiredOut = new Set(graph.edges.filter((each) => each.from.node === id).map((each) => each.from.port));
  const inputs = ports.inputs.filter((port) => port.kind === "artifact" || port.required || wiredIn.has(port.name));
  const named = ports.outputs.filter((port) => port.name !== "result");
  const outputs = ports.outputs.filter((port) => wiredOut.has(port.name) || (!port.quiet && (port.name !== "result" || named.length === 0)));
  return { inputs, outputs, settings: ports.inputs.length - inputs.length };
}

export function size(graph: Graph, node: GraphNode): { width: number; height: number } {
  const { inputs, outputs } = rows(graph, node);
  const count = Math.max(inputs.length, outputs.length);
  return { width: WIDTH, height: HEAD + (count ? count * ROW + FOOT : 0) };
}

export const side = { input: "i/", output: "o/" } as const;

/** The name of a port from its handle. */
export function portOf(handle: string | null | undefined): string {
  return handle?.slice(2) ?? "";
}
