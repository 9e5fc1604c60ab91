/** What is chosen goes; where a step stood in a chain, its neighbours may join. */

import { NOTE } from "../canvas/flow";
import { setNotes } from "../document/layout";
import { bridge } from "../document/splice";
import { type Bridge, bridges } from "../splicing";
import { type Studio, useStudioHere } from "../studio";
import type { Drawing } from "./drawing";

/** A step was to be deleted whose neighbours may join: it is asked whether they do. */
export interface Gap {
  what: "gap";
  id: string;
  bridges: Bridge[];
}

export interface Removing {
  remove(): void;
  removeStep(id: string): void;
  /** The answer to a gap. */
  close(gap: Gap, joined: boolean): void;
}

export function useRemoving({ chosen, one }: Drawing, ask: (gap: Gap) => void): Removing {
  const studio = useStudioHere();
  const { graph, scope, language, change, select, selection } = studio;

  function close({ id, bridges: found }: Gap, joined: boolean): void {
    change(joined ? `Delete ${id} and join its neighbours` : `Delete ${id}`, (doc) => {
      language?.remove(doc, scope, [id]);
      if (joined && language) bridge(language, doc, scope, graph, found);
    });
    select([]);
  }

  function removeStep(id: string): void {
    const gap: Gap = { what: "gap", id, bridges: bridges(graph, id) };
    if (gap.bridges.length) ask(gap);
    else close(gap, false);
  }

  function remove(): void {
    const edge = graph.edges.find((each) => each.id === selection.edge);
    if (!edge && one !== undefined && selection.nodes.size === 1) {
      removeStep(one);
      return;
    }
    if (edge) change("Disconnect", (doc) => language?.disconnect(doc, scope, edge));
    else removeNodes(studio, chosen);
    select([]);
  }

  return { remove, removeStep, close };
}

function removeNodes({ graph, scope, language, change, selection }: Studio, chosen: readonly string[]): void {
  const notes = [...selection.nodes].filter((id) => id.startsWith(NOTE)).map((id) => id.slice(NOTE.length));
  if (chosen.length + notes.length === 0) return;
  change(`Delete ${chosen.join(", ") || "a note"}`, (doc) => {
    if (chosen.length) language?.remove(doc, scope, chosen);
    if (notes.length) setNotes(doc, scope, graph.notes.filter((each) => !notes.includes(each.id)));
  });
}
