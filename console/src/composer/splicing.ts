/** Whether a node goes into an edge, and what may join when one is taken out of a chain. Pure. */

import { verdict } from "./fitting";
import { type End, type Graph, type GraphEdge, type Port, type Ports, node, ports } from "./model";
import { type How, flowing, fit as judge } from "./ports/fit";

/** The ports of the newcomer that take the old edge's place: '' for order. */
export interface Splice {
  input: string;
  output: string;
}

export type Judged = { splice: Splice } | { reason: string };

const RANK: Record<How, number> = { exact: 0, narrower: 1, widened: 2, unchecked: 3 };

/** How something with these ports would go into an edge; what it takes in flows on where its output is `like` that. */
export function judged(graph: Graph, edge: GraphEdge, title: string, own: Ports): Judged {
  if (edge.kind === "order") return ofOrder(edge);
  const output = ports(node(graph, edge.from.node), "outputs", edge.from.port);
  const input = ports(node(graph, edge.to.node), "inputs", edge.to.port);
  if (!output || !input) return { reason: `${edge.to.node} speaks of ${edge.from.node} in its condition or loop: change it there` };
  const ways = own.inputs.flatMap((into) => own.outputs.flatMap((out) => way(output, into, out, input, own) ?? []));
  const best = ways.sort((a, b) => a.rank - b.rank)[0];
  return best ? { splice: best } : { reason: whyNot(title, own, output, input) };
}

function ofOrder({ label, implied, to }: GraphEdge): Judged {
  if (implied) return { reason: "Steps of groups follow each other by where they stand" };
  return label ? { reason: `${to.node} goes on ${label}: draw these lines one by one` } : { splice: { input: "", output: "" } };
}

function way(output: Port, into: Port, out: Port, input: Port, own: Ports): (Splice & { rank: number }) | null {
  const first = judge(output, into);
  const flows = flowing(own, out.name, new Map([[into.name, output.types[0] ?? "any"]]));
  const second = judge({ ...out, types: [flows] }, input);
  if (!first.how || !second.how) return null;
  return { input: into.name, output: out.name, rank: RANK[first.how] + RANK[second.how] };
}

function whyNot(title: string, own: Ports, output: Port, input: Port): string {
  const inward = own.inputs.map((each) => judge(output, each));
  const outward = own.outputs.map((each) => judge(each, input));
  if (inward.length === 0) return `${title} takes nothing in`;
  if (!inward.some((each) => each.fits)) return inward[0]?.reason ?? "";
  if (outward.length === 0) return `${title} gives nothing out`;
  return outward.find((each) => !each.fits)?.reason ?? `${title} makes nothing of what comes in that ${input.name} could take`;
}

export interface Bridge {
  from: End;
  to: End;
}

/** Lines that would close the gap when `id` goes: for each that follows the best of those before. */
export function bridges(graph: Graph, id: string): Bridge[] {
  const coming = graph.edges.filter((each) => each.to.node === id && !each.implied);
  const going = graph.edges.filter((each) => each.from.node === id && !each.implied && !each.label);
  const found = going.flatMap((next) => (next.kind === "data" ? dataBridge(graph, coming, next.to) : coming.map(({ from }) => order(from, next.to))));
  return [...new Map(found.map((each) => [JSON.stringify(each), each])).values()];
}

function order(from: End, to: End): Bridge {
  return { from: { node: from.node, port: "" }, to: { node: to.node, port: "" } };
}

function dataBridge(graph: Graph, coming: readonly GraphEdge[], to: End): Bridge[] {
  if (!to.port) return [];
  const ways = coming.flatMap(({ from }) => {
    const found = from.port ? verdict(graph, from, to) : { fits: false };
    return "how" in found && found.how ? [{ from, to, rank: RANK[found.how] }] : [];
  });
  const best = ways.sort((a, b) => a.rank - b.rank)[0];
  return best ? [{ from: best.from, to: best.to }] : [];
}
