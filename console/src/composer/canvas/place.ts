/** Places for what has none: the whole drawing by elk, or single newcomers beside what they come after. */

import ELK from "elkjs/lib/elk-api.js";
import workerUrl from "elkjs/lib/elk-worker.min.js?url";
import type { Graph, GraphEdge, GraphNode, Place } from "../model";
import { WIDTH, rows, side, size } from "./rows";

const GAP = { along: 80, across: 36 };
let elk: InstanceType<typeof ELK> | null = null;

/** Every node anew. */
export async function arrange(graph: Graph): Promise<Map<string, Place>> {
  elk ??= new ELK({ workerUrl });
  const found = await elk.layout({
    id: "canvas",
    layoutOptions: {
      "elk.algorithm": "layered",
      "elk.direction": "RIGHT",
      "elk.spacing.nodeNode": String(GAP.across),
      "elk.layered.spacing.nodeNodeBetweenLayers": String(GAP.along),
      "elk.layered.considerModelOrder.strategy": "NODES_AND_EDGES",
      "elk.layered.nodePlacement.strategy": "NETWORK_SIMPLEX",
      // What comes in stands on the left of everything, what goes out on the right, joined or not.
      ...(graph.nodes.some((each) => each.border) ? { "elk.separateConnectedComponents": "false" } : {}),
    },
    children: graph.nodes.map((node) => child(graph, node)),
    edges: [...graph.edges.map(line), ...across(graph)],
  });
  return new Map((found.children ?? []).map(({ id, x, y }) => [id, { x: Math.round(x ?? 0), y: Math.round(y ?? 0) }]));
}

/** A layout of some nodes, its upper left corner where theirs was. */
export function around(found: ReadonlyMap<string, Place>, before: ReadonlyMap<string, Place>): Map<string, Place> {
  const old = [...found.keys()].flatMap((id) => before.get(id) ?? []);
  const corner = (all: readonly Place[]) => ({ x: Math.min(...all.map((p) => p.x)), y: Math.min(...all.map((p) => p.y)) });
  if (old.length === 0) return new Map(found);
  const [to, from] = [corner(old), corner([...found.values()])];
  return new Map([...found].map(([id, { x, y }]) => [id, { x: x - from.x + to.x, y: y - from.y + to.y }]));
}

function line({ id, from, to }: Pick<GraphEdge, "id" | "from" | "to">) {
  return { id, sources: [`${from.node} ${side.output}${from.port}`], targets: [`${to.node} ${side.input}${to.port}`] };
}

/** What comes in is left of what goes out, also while nothing is between them. */
function across({ nodes }: Graph) {
  const [first, last] = [nodes.find((each) => each.border === "inputs"), nodes.find((each) => each.border === "outputs")];
  return first && last ? [line({ id: ":across", from: { node: first.id, port: "" }, to: { node: last.id, port: "" } })] : [];
}

function child(graph: Graph, node: GraphNode) {
  const { inputs, outputs } = rows(graph, node);
  const ids = new Set([
    ...["", ...inputs.map((each) => each.name)].map((name) => side.input + name),
    ...["", ...outputs.map((each) => each.name)].map((name) => side.output + name),
    ...graph.edges.filter((each) => each.from.node === node.id).map((each) => side.output + each.from.port),
    ...graph.edges.filter((each) => each.to.node === node.id).map((each) => side.input + each.to.port),
  ]);
  return {
    id: node.id,
    ...size(graph, node),
    layoutOptions: { "elk.portConstraints": "FIXED_SIDE", ...(node.border ? { "elk.layered.layering.layerConstraint": node.border === "outputs" ? "LAST" : "FIRST" } : {}) },
    ports: [...ids].map((id) => ({ id: `${node.id} ${id}`, layoutOptions: { "elk.port.side": id.startsWith(side.input) ? "WEST" : "EAST" } })),
  };
}

/** The newcomers of a drawing that has its places: to the right of what they come after, where it is free. */
export function seat(graph: Graph, places: ReadonlyMap<string, Place>): Map<string, Place> {
  const found = new Map(places);
  for (const node of graph.nodes) if (!found.has(node.id)) found.set(node.id, beside(graph, node, found));
  return found;
}

function beside(graph: Graph, node: GraphNode, places: ReadonlyMap<string, Place>): Place {
  const before = graph.edges.filter((edge) => edge.to.node === node.id).flatMap((edge) => places.get(edge.from.node) ?? []);
  const all = [...places.values()];
  const x = before.length ? Math.max(...before.map((p) => p.x)) + WIDTH + GAP.along : all.length ? Math.max(...all.map((p) => p.x)) + WIDTH + GAP.along : 0;
  const y = before.length ? Math.min(...before.map((p) => p.y)) : all.length ? Math.min(...all.map((p) => p.y)) : 0;
  return clear({ x, y }, size(graph, node).height, graph, places);
}

/** Down until nothing lies there. */
export function clear(at: Place, height: number, graph: Graph, places: ReadonlyMap<string, Place>): Place {
  const boxes = graph.nodes.flatMap((each) => {
    const place = places.get(each.id);
    return place ? [{ ...place, bottom: place.y + size(graph, each).height }] : [];
  });
  let { y } = at;
  for (let moved = true; moved; ) {
    moved = false;
    for (const box of boxes)
      if (Math.abs(box.x - at.x) < WIDTH && y < box.bottom + 20 && y + height > box.y - 20) {
        y = box.bottom + GAP.across;
        moved = true;
      }
  }
  return { x: at.x, y };
}

/** From a node to the next one by an arrow key: along edges, or to the neighbour above or below. */
export function next(graph: Graph, places: ReadonlyMap<string, Place>, from: string, key: string): string | undefined {
  const here = places.get(from);
  if (!here) return graph.nodes[0]?.id;
  const near = (ids: string[], cost: (p: Place) => number) =>
    ids.flatMap((id) => (places.get(id) ? [{ id, cost: cost(places.get(id) ?? here) }] : [])).sort((a, b) => a.cost - b.cost)[0]?.id;
  if (key === "ArrowRight") return near(graph.edges.filter((e) => e.from.node === from).map((e) => e.to.node), (p) => Math.abs(p.y - here.y));
  if (key === "ArrowLeft") return near(graph.edges.filter((e) => e.to.node === from).map((e) => e.from.node), (p) => Math.abs(p.y - here.y));
  const sign = key === "ArrowDown" ? 1 : -1;
  const others = graph.nodes.filter((n) => n.id !== from && sign * ((places.get(n.id)?.y ?? here.y) - here.y) > 0).map((n) => n.id);
  return near(others, (p) => Math.abs(p.y - here.y) + 2 * Math.abs(p.x - here.x));
}
