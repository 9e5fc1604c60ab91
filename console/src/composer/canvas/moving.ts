/** Nodes moved by hand: lines of others guide them, and one gesture writes the places of all that it moved. */

import type { Node, NodeChange, OnNodeDrag } from "@xyflow/react";
import { useRef, useState } from "react";
import { move, setNotes } from "../document/layout";
import type { Graph, Place } from "../model";
import { type Studio, useStudioHere } from "../studio";
import type { Box } from "./align";
import { NOTE } from "./flow";
import { type Guide, guided } from "./guides";
import { edgeAt } from "./view";

/** Pixels of the canvas. */
const REACH = 6;
const NONE: readonly Guide[] = [];

export interface Moving {
  guides: readonly Guide[];
  /** The edge that the dragged node would go into. */
  over: string | null;
  /** Where xyflow wants a node, drawn to the lines that it comes near. */
  steer(changes: NodeChange[], nodes: readonly Node[]): NodeChange[];
  onNodeDrag: OnNodeDrag;
  onNodeDragStop: OnNodeDrag;
  onSelectionDragStop: (event: unknown, dragged: Node[]) => void;
}

export function useMoving(places: ReadonlyMap<string, Place>, onSplice: (id: string, edge: string) => void): Moving {
  const studio = useStudioHere();
  const [guides, setGuides] = useState(NONE);
  const [over, setOver] = useState<string | null>(null);
  const steered = useRef(new Map<string, Place>());

  function end(dragged: readonly Node[]): void {
    setGuides(NONE);
    setOver(null);
    moved(studio, places, dragged.map((each) => ({ ...each, position: steered.current.get(each.id) ?? each.position })));
    steered.current.clear();
  }

  return {
    guides,
    over,
    steer: (changes, nodes) => {
      const [only, ...others] = changes;
      if (only?.type !== "position" || !only.position || others.length) return changes;
      const found = guided(...boxes(nodes, only.id, only.position), REACH);
      steered.current.set(only.id, found.place);
      setGuides(only.dragging && found.guides.length ? found.guides : NONE);
      return [{ ...only, position: found.place }];
    },
    onNodeDrag: (event, node, dragged) => setOver(dragged.length === 1 && lonely(studio.graph, node.id) ? edgeUnder(event) : null),
    onNodeDragStop: (event, node, dragged) => {
      end(dragged);
      const edge = dragged.length === 1 && lonely(studio.graph, node.id) ? edgeUnder(event) : null;
      if (edge) onSplice(node.id, edge);
    },
    onSelectionDragStop: (_, dragged) => end(dragged),
  };
}

/** A step without lines: laid on an edge, it goes into it. */
function lonely({ nodes, edges }: Graph, id: string): boolean {
  return nodes.some((each) => each.id === id) && edges.every(({ from, to }) => from.node !== id && to.node !== id);
}

function edgeUnder(event: { clientX: number; clientY: number } | unknown): string | null {
  const { clientX, clientY } = event as { clientX?: number; clientY?: number };
  return clientX === undefined || clientY === undefined ? null : edgeAt(clientX, clientY);
}

function boxes(nodes: readonly Node[], id: string, at: Place): [Box, Box[]] {
  const boxed = ({ position, width, height, measured }: Node): Box => ({ ...position, width: width ?? measured?.width ?? 0, height: height ?? measured?.height ?? 0 });
  const own = nodes.find((each) => each.id === id);
  const others = nodes.filter((each) => each.id !== id).map(boxed);
  return [{ width: 0, height: 0, ...(own ? boxed(own) : {}), ...at }, others];
}

/** The first move writes the places of the whole drawing, which were found by elk. */
function moved({ graph, change, scope }: Studio, places: ReadonlyMap<string, Place>, dragged: readonly Node[]): void {
  const steps = dragged.filter((each) => !each.id.startsWith(NOTE));
  const notes = new Map(dragged.filter((each) => each.id.startsWith(NOTE)).map((each) => [each.id.slice(NOTE.length), each.position]));
  if (steps.every((each) => same(places.get(each.id), each.position)) && notes.size === 0) return;
  change("Move", (doc) => {
    if (steps.length) move(doc, scope, new Map([...places, ...steps.map((each): [string, Place] => [each.id, each.position])]));
    if (notes.size) setNotes(doc, scope, graph.notes.map((each) => ({ ...each, place: notes.get(each.id) ?? each.place })));
  });
}

function same(a: Place | undefined, b: Place): boolean {
  return a !== undefined && Math.round(a.x) === Math.round(b.x) && Math.round(a.y) === Math.round(b.y);
}
