/** What the composer draws: nodes with typed ports, edges between them. Made by a language from a document, never kept. */

/** Where something stands in a document, from its root. */
export type Path = readonly (string | number)[];

export interface Place {
  x: number;
  y: number;
}

export type PortKind = "artifact" | "parameter";

export interface Port {
  name: string;
  kind: PortKind;
  /** Of an input: any of these will do. Of an output: one. */
  types: string[];
  /** Of an output: the input whose own type it has. */
  like?: string;
  required?: boolean;
  description?: string;
  /** As it is shown, where its name is made by a machine. */
  title?: string;
  /** Of an output: drawn only where something is joined to it; lists offer it. */
  quiet?: boolean;
  /** Nothing but its own type will do: no narrower, no wider one. */
  strict?: boolean;
  default?: string;
  enum?: string[];
  minimum?: number;
  maximum?: number;
}

export interface Ports {
  inputs: Port[];
  outputs: Port[];
}

/** A template elsewhere: of an object that is shared by everybody (`clusterScope`) or of the namespace. */
export interface TemplateRef {
  name: string;
  template: string;
  clusterScope?: boolean;
}

/** What the palette offers and a node is made of. */
export interface Component {
  /** Its own name among all components. */
  key: string;
  title: string;
  description: string;
  group: string;
  icon: string;
  ports: Ports;
  ref?: TemplateRef;
  /** A template of the document itself. */
  local?: string;
  /** Its template as it stands where it is shared. */
  raw?: Record<string, unknown>;
  /** For something that is written into the document when it is first used: a template, or a router. */
  fresh?: Record<string, unknown>;
}

export interface Badge {
  icon: "loop" | "when" | "retry" | "hook" | "cache" | "split" | "anyway";
  text: string;
}

export interface GraphNode {
  id: string;
  title: string;
  /** What it is made of, in words. */
  detail: string;
  icon: string;
  group: string;
  ports: Ports;
  badges: Badge[];
  /** The scope that is drawn inside, if there is one. */
  opens?: string;
  /** Inputs that are given something, be it a text. */
  given?: ReadonlySet<string>;
  /** The component is not there: nothing is known about its ports. */
  unknown?: boolean;
  /** The drawing's own edge: a line that ends on one of the whole's inputs or outputs itself makes another one. */
  border?: "inputs" | "outputs" | "outside";
  path: Path;
}

export interface End {
  node: string;
  /** '' for the node itself: order, not data. */
  port: string;
}

export interface GraphEdge {
  id: string;
  from: End;
  to: End;
  /** What is said on it: a share of the traffic, a state that is waited for. */
  label?: string;
  kind: "data" | "order";
  /** It follows from where the steps stand, and is written nowhere. */
  implied?: boolean;
  /** The type that flows, for its colour. */
  type?: string;
}

export interface Note {
  id: string;
  text: string;
  place: Place;
}

export interface Graph {
  nodes: GraphNode[];
  edges: GraphEdge[];
  notes: Note[];
  places: Map<string, Place>;
}

export const EMPTY: Graph = { nodes: [], edges: [], notes: [], places: new Map() };
export const NO_PORTS: Ports = { inputs: [], outputs: [] };

export interface Finding {
  /** JSON pointer into the document. */
  path: string;
  message: string;
  severity: "error" | "warning";
  line?: number;
  column?: number;
}

export function edgeId(from: End, to: End): string {
  return `${from.node}.${from.port}→${to.node}.${to.port}`;
}

export function node(graph: Graph, id: string): GraphNode | undefined {
  return graph.nodes.find((each) => each.id === id);
}

/** The innermost node that what stands at `path` is a part of. */
export function holding(graph: Graph, path: Path): GraphNode | undefined {
  const around = graph.nodes.filter((each) => each.path.length <= path.length && each.path.every((part, i) => part === path[i]));
  return around.sort((a, b) => b.path.length - a.path.length)[0];
}

export function ports(of: GraphNode | undefined, side: "inputs" | "outputs", name: string): Port | undefined {
  return of?.ports[side].find((port) => port.name === name);
}

/** Everything that `id` comes after, itself left out. */
export function ancestors(graph: Graph, id: string): Set<string> {
  return reached(graph, id, (edge) => [edge.to.node, edge.from.node]);
}

export function descendants(graph: Graph, id: string): Set<string> {
  return reached(graph, id, (edge) => [edge.from.node, edge.to.node]);
}

function reached(graph: Graph, id: string, way: (edge: GraphEdge) => [string, string]): Set<string> {
  const found = new Set<string>();
  const waiting = [id];
  for (let here = waiting.pop(); here !== undefined; here = waiting.pop())
    for (const edge of graph.edges) {
      const [at, next] = way(edge);
      if (at !== here || found.has(next)) continue;
      found.add(next);
      waiting.push(next);
    }
  found.delete(id);
  return found;
}

/** In the order in which they run; what is drawn first comes first. */
export function ordered(graph: Graph): GraphNode[] {
  const left = new Map(graph.nodes.map((each) => [each.id, new Set<string>()]));
  for (const { from, to } of graph.edges) if (left.has(from.node)) left.get(to.node)?.add(from.node);
  const done: GraphNode[] = [];
  const waiting = [...graph.nodes];
  while (waiting.length) {
    const at = Math.max(0, waiting.findIndex((each) => left.get(each.id)?.size === 0));
    const [next] = waiting.splice(at, 1);
    if (!next) break;
    done.push(next);
    for (const before of left.values()) before.delete(next.id);
  }
  return done;
}
