/** What may be joined to what in a drawing, and why not: asked while a line is drawn, and by the keyboard's lists. */

import { type Component, type End, type Graph, ancestors, node, ports } from "./model";
import { type Verdict, fit as judge } from "./ports/fit";

export type Side = "inputs" | "outputs";

/** Where a line begins. */
export interface Start extends End {
  side: Side;
}

export function verdict(graph: Graph, from: End, to: End): Verdict {
  if (from.node === to.node) return { fits: false, reason: "A step cannot wait for itself" };
  if (ancestors(graph, from.node).has(to.node)) return { fits: false, reason: `${from.node} comes after ${to.node}: this would be a circle` };
  const [source, target] = [node(graph, from.node)?.border, node(graph, to.node)?.border];
  if (source || target) return atBorder(graph, from, to);
  if (!to.port) return { fits: true };
  const output = ports(node(graph, from.node), "outputs", from.port);
  const input = ports(node(graph, to.node), "inputs", to.port);
  if (!from.port) return { fits: false, reason: "Order joins two steps: let go on the step itself" };
  return output && input ? judge(output, input) : { fits: true };
}

/** The whole's inputs and outputs are nothing to wait for; a line to one of them that has no port yet makes it. */
function atBorder(graph: Graph, from: End, to: End): Verdict {
  const [source, target] = [node(graph, from.node), node(graph, to.node)];
  if (!from.port) return to.port && source?.border === "inputs" && !target?.border ? { fits: true, how: "unchecked" } : { fits: false, reason: "What comes in is there from the beginning" };
  if (!to.port) return target?.border === "outputs" ? { fits: true, how: "unchecked" } : { fits: false, reason: "Let go on one of its inputs" };
  const [output, input] = [ports(source, "outputs", from.port), ports(target, "inputs", to.port)];
  return output && input ? judge(output, input) : { fits: true };
}

export function between(graph: Graph, start: Start, other: End): Verdict {
  return start.side === "outputs" ? verdict(graph, start, other) : verdict(graph, other, start);
}

export interface Candidate {
  end: End;
  detail: string;
  /** Lower is better. */
  rank: number;
}

const RANK = { exact: 0, narrower: 1, widened: 2, unchecked: 3 } as const;

/** Every port of the drawing (or of one node) that a line from `start` may end at, the best first. */
export function candidates(graph: Graph, start: Start, only?: string): Candidate[] {
  const side: Side = start.side === "outputs" ? "inputs" : "outputs";
  return graph.nodes
    .filter((each) => each.id !== start.node && (only === undefined || each.id === only))
    .flatMap((each) => [...(start.port ? each.ports[side].map((port) => port.name) : []), ""].map((port) => ({ node: each.id, port })))
    .flatMap((end): Candidate[] => {
      const border = node(graph, end.node)?.border;
      if (start.side === "inputs" && start.port && !end.port && !border) return [];
      const found = between(graph, start, end);
      const rank = end.port ? (RANK[found.how ?? "unchecked"] ?? 3) + wired(graph, end, side) : 9;
      return found.fits ? [{ end, rank, detail: detail(graph, end, side) }] : [];
    })
    .sort((a, b) => a.rank - b.rank);
}

function detail(graph: Graph, end: End, side: Side): string {
  const at = node(graph, end.node);
  if (end.port) return ports(at, side, end.port)?.title ?? end.port;
  return at?.border ? `a new ${side === "outputs" ? "input" : "output"}` : "order only";
}

/** What already has something coming in is offered later. */
function wired(graph: Graph, end: End, side: Side): number {
  return side === "inputs" && graph.edges.some((each) => each.to.node === end.node && each.to.port === end.port) ? 4 : 0;
}

export interface Offer {
  component: Component;
  port: string;
  rank: number;
}

/** Components with a port that a line from `start` may end at: the best port of each. */
export function offers(graph: Graph, start: Start, components: readonly Component[]): Offer[] {
  const own = ports(node(graph, start.node), start.side, start.port);
  if (!own) return components.map((component) => ({ component, port: "", rank: 9 }));
  return components
    .flatMap((component): Offer[] => {
      const ways = component.ports[start.side === "outputs" ? "inputs" : "outputs"].flatMap((port) => {
        const found = start.side === "outputs" ? judge(own, port) : judge(port, own);
        return found.fits ? [{ component, port: port.name, rank: RANK[found.how ?? "unchecked"] }] : [];
      });
      const best = ways.sort((a, b) => a.rank - b.rank)[0];
      return best ? [best] : [];
    })
    .sort((a, b) => a.rank - b.rank);
}
