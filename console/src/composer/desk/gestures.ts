/** What hands do to the steps of a drawing, each one change of the document: add, join, delete, copy, paste, group. */

import { NOTE } from "../canvas/flow";
import { move, setNotes } from "../document/layout";
import type { Start } from "../fitting";
import { type Component, type End, type Graph, type Place, type PortKind, node, ports } from "../model";
import { type Studio, useStudioHere } from "../studio";
import type { Drawing } from "./drawing";

export interface Gestures {
  /** `start`: where a line began that ends at `port` of the newcomer. */
  add(component: Component, at?: Place, start?: Start, port?: string): void;
  /** Whether it was done. */
  join(from: End, to: End): boolean;
  remove(): void;
  removeStep(id: string): void;
  note(): void;
  /** The chosen steps as text. */
  copied(): string | undefined;
  paste(text: string): void;
  collapse(): void;
  expand(id: string): void;
}

export function useGestures(drawing: Drawing): Gestures {
  const studio = useStudioHere();
  const { graph, scope, language, change, select, selection } = studio;
  const { chosen, places, spot } = drawing;

  function add(component: Component, at: Place = spot(), start?: Start, port = ""): void {
    const made = change(`Add ${component.title}`, (doc) => {
      if (!language) return undefined;
      const { id, scope: inside } = language.add(doc, scope, component);
      move(doc, inside, new Map([...(inside === scope ? places : []), [id, at]]));
      if (start) language.connect(doc, inside, ...line(start, { node: id, port }), kindOf(graph, start, component, port));
      return id;
    });
    if (made) select([made]);
  }

  function join(from: End, to: End): boolean {
    const done = change(`Connect ${from.node} to ${to.node}`, (doc) => {
      language?.connect(doc, scope, from, to, kindOfLine(graph, from, to));
      return true;
    });
    return done === true;
  }

  function remove(): void {
    const edge = graph.edges.find((each) => each.id === selection.edge);
    if (edge) change("Disconnect", (doc) => language?.disconnect(doc, scope, edge));
    else removeNodes(studio, chosen);
    select([]);
  }

  return {
    add,
    join,
    remove,
    removeStep: (id) => change(`Delete ${id}`, (doc) => language?.remove(doc, scope, [id])),
    note: () => change("Add a note", (doc) => setNotes(doc, scope, [...graph.notes, { id: crypto.randomUUID().slice(0, 6), text: "", place: spot() }])),
    copied: () => (chosen.length && studio.source ? language?.copied(studio.source, scope, chosen) : undefined),
    paste: (text) => {
      const names = change("Paste", (doc) => language?.pasted(doc, scope, text, spot()));
      if (names?.length) select(names);
    },
    collapse: () => {
      if (chosen.length === 0) return;
      const name = change(`Put ${chosen.length} steps into a template`, (doc) => language?.grouping?.collapse(doc, scope, chosen));
      if (name) select([name]);
    },
    expand: (id) => change(`Expand ${id}`, (doc) => language?.grouping?.expand(doc, scope, id)),
  };
}

function removeNodes({ graph, scope, language, change, selection }: Studio, chosen: readonly string[]): void {
  const notes = [...selection.nodes].filter((id) => id.startsWith(NOTE)).map((id) => id.slice(NOTE.length));
  if (chosen.length + notes.length === 0) return;
  change(`Delete ${chosen.join(", ") || "a note"}`, (doc) => {
    if (chosen.length) language?.remove(doc, scope, chosen);
    if (notes.length) setNotes(doc, scope, graph.notes.filter((each) => !notes.includes(each.id)));
  });
}

function line(start: Start, other: End): [End, End] {
  return start.side === "outputs" ? [start, other] : [other, start];
}

function kindOfLine(graph: Graph, from: End, to: End): PortKind | "order" {
  const output = ports(node(graph, from.node), "outputs", from.port);
  return output && to.port ? output.kind : "order";
}

/** Of a line between a port of the drawing and one of a component that is not in it yet. */
function kindOf(graph: Graph, start: Start, component: Component, port: string): PortKind | "order" {
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
