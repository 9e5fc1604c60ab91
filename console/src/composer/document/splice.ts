/** A node put into an edge: the edge goes, two that fit come in its place. And the other way round. */

import type { Bridge, Splice } from "../splicing";
import { type Graph, type GraphEdge, node, ports } from "../model";
import type { Language } from "./language";
import type { Source } from "./yaml";

export function splice(language: Language, document: Source, scope: string, graph: Graph, edge: GraphEdge, id: string, { input, output }: Splice): void {
  if (language.splice) {
    language.splice(document, scope, edge, id);
    return;
  }
  const kind = ports(node(graph, edge.from.node), "outputs", edge.from.port)?.kind;
  language.disconnect(document, scope, edge);
  language.connect(document, scope, edge.from, { node: id, port: input }, input && kind ? kind : "order");
  language.connect(document, scope, { node: id, port: output }, edge.to, output && kind ? kind : "order");
}

export function bridge(language: Language, document: Source, scope: string, graph: Graph, all: readonly Bridge[]): void {
  for (const { from, to } of all) {
    const kind = ports(node(graph, from.node), "outputs", from.port)?.kind;
    language.connect(document, scope, from, to, to.port && kind ? kind : "order");
  }
}
