/** The graph in xyflow's words: nodes at their places, edges between handles. Pure. */

import type { Edge, Node } from "@xyflow/react";
import type { NodeStatus } from "../../api/types";
import { setNotes } from "../document/layout";
import type { Finding, GraphEdge, GraphNode, Note, Place } from "../model";
import { colour } from "../ports/fit";
import type { Studio } from "../studio";
import type { NoteFlowNode } from "./NoteNode";
import type { StepFlowNode } from "./StepNode";
import { side, size } from "./rows";

/** Notes are nodes of xyflow, too: their names cannot be a step's. */
export const NOTE = "note ";

export interface Shown {
  places: ReadonlyMap<string, Place>;
  statuses: ReadonlyMap<string, NodeStatus>;
  findings: ReadonlyMap<string, Finding[]>;
}

export function flowNodes(studio: Studio, shown: Shown): Node[] {
  const steps = studio.graph.nodes.flatMap((step) => stepNode(studio, step, shown) ?? []);
  return [...steps, ...studio.graph.notes.map((note) => noteNode(studio, note))];
}

function stepNode({ graph, selection, open }: Studio, step: GraphNode, { places, statuses, findings }: Shown): StepFlowNode | null {
  const position = places.get(step.id);
  if (!position) return null;
  const status = statuses.get(step.id);
  return {
    id: step.id,
    type: "step",
    position,
    ...size(graph, step),
    selected: selection.nodes.has(step.id),
    ariaLabel: status ? `${step.id}: ${status.phase || "Pending"}` : `${step.id}, ${step.detail}`,
    data: { step, graph, status, faults: findings.get(step.id)?.length ?? 0, onOpen: open },
  };
}

function noteNode({ graph, selection, select, change, scope }: Studio, { id, text, place }: Note): NoteFlowNode {
  const write = (words: string) => graph.notes.map((each) => (each.id === id ? { ...each, text: words } : each));
  return {
    id: NOTE + id,
    type: "note",
    position: place,
    // Known before it is measured, so that it can be written in at once.
    initialWidth: 200,
    initialHeight: 98,
    selected: selection.nodes.has(NOTE + id),
    ariaLabel: "Note",
    data: { text, onText: (words) => change("Write a note", (doc) => setNotes(doc, scope, write(words))), onChoose: () => select([NOTE + id]) },
  };
}

/** What xyflow has measured stays measured: edges do not blink. */
export function measuredAsBefore(wanted: Node[], old: Node[]): Node[] {
  const known = new Map(old.map((each) => [each.id, each]));
  return wanted.map((each) => {
    const measured = known.get(each.id)?.measured;
    return measured ? { ...each, measured } : each;
  });
}

/** `over`: the edge that something is dragged over; `taken`: those that the request took which is shown. */
export function flowEdge(edge: GraphEdge, chosen: string | null, over: string | null, taken: ReadonlySet<string> = NONE): Edge {
  const look = edge.kind === "order" ? "edge-order" : `edge-${colour(edge.type ?? "any")}`;
  return {
    id: edge.id,
    source: edge.from.node,
    target: edge.to.node,
    sourceHandle: side.output + edge.from.port,
    targetHandle: side.input + edge.to.port,
    selected: edge.id === chosen,
    interactionWidth: 18,
    reconnectable: !edge.implied && !(edge.kind === "data" && !edge.to.port),
    className: `edge ${look} ${edge.id === over ? "edge-over" : ""} ${taken.has(edge.id) ? "edge-taken" : ""}`,
    ...(edge.label ? { label: edge.label } : {}),
  };
}

const NONE: ReadonlySet<string> = new Set();
