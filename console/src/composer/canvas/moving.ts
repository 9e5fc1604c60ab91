/** Nodes moved by hand: one gesture writes the places of all of them. */

import type { Node } from "@xyflow/react";
import { move, setNotes } from "../document/layout";
import type { Place } from "../model";
import type { Studio } from "../studio";
import { NOTE } from "./flow";

/** The first move writes the places of the whole drawing, which were found by elk. */
export function moved({ graph, change, scope }: Studio, places: ReadonlyMap<string, Place>, dragged: readonly Node[]): void {
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
