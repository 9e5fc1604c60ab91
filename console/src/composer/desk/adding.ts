/** Newcomers: components, at the end of a line or in the middle of one, and notes. */

import { notify } from "../../ui/toasts";
import { NOTE } from "../canvas/flow";
import { move, setNotes } from "../document/layout";
import { splice } from "../document/splice";
import type { Start } from "../fitting";
import { type Component, type Graph, type GraphEdge, type Place, type Ports, node } from "../model";
import { type Splice, judged } from "../splicing";
import { useStudioHere } from "../studio";
import type { Drawing } from "./drawing";
import { kindOfNew, line } from "./lines";

export interface Adding {
  /** `start`: where a line began that ends at `port` of the newcomer. */
  add(component: Component, at?: Place, start?: Start, port?: string): void;
  /** Into an edge; where it does not fit it stands beside it, and why is told. */
  addInto(component: Component, edge: string, at: Place): void;
  /** A step that is there already goes into an edge. */
  putInto(id: string, edge: string): void;
  note(): void;
}

export function useAdding({ places, spot }: Drawing): Adding {
  const { graph, scope, language, change, select } = useStudioHere();

  function add(component: Component, at: Place = spot(), start?: Start, port = ""): void {
    const made = change(`Add ${component.title}`, (doc) => {
      if (!language) return undefined;
      const { id, scope: inside } = language.add(doc, scope, component);
      move(doc, inside, new Map([...(inside === scope ? places : []), [id, at]]));
      if (start) language.connect(doc, inside, ...line(start, { node: id, port }), kindOfNew(graph, start, component, port));
      return id;
    });
    if (made) select([made]);
  }

  function addInto(component: Component, edge: string, at: Place): void {
    const found = way(graph, edge, component.title, component.ports);
    if ("reason" in found) {
      add(component, at);
      notify(`${component.title} is not in the line: ${found.reason}`);
      return;
    }
    const made = change(`Put ${component.title} into a line`, (doc) => {
      if (!language) return undefined;
      const { id } = language.add(doc, scope, component);
      move(doc, scope, new Map([...places, [id, at]]));
      splice(language, doc, scope, graph, found.edge, id, found.splice);
      return id;
    });
    if (made) select([made]);
  }

  function putInto(id: string, edge: string): void {
    const own = node(graph, id);
    if (!own || !language) return;
    const found = way(graph, edge, own.title, own.ports);
    if ("reason" in found) notify(`${id} is not in the line: ${found.reason}`);
    else change(`Put ${id} into a line`, (doc) => splice(language, doc, scope, graph, found.edge, id, found.splice));
  }

  const note = () => {
    const made = { id: crypto.randomUUID().slice(0, 6), text: "", place: spot() };
    change("Add a note", (doc) => setNotes(doc, scope, [...graph.notes, made]));
    select([NOTE + made.id]);
  };
  return { add, addInto, putInto, note };
}

/** How it goes into that edge, or why not. */
function way(graph: Graph, id: string, title: string, own: Ports): { edge: GraphEdge; splice: Splice } | { reason: string } {
  const edge = graph.edges.find((each) => each.id === id);
  return edge ? { edge, ...judged(graph, edge, title, own) } : { reason: "the line is gone" };
}
