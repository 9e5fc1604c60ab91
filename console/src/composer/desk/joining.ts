/** Lines drawn, and drawn elsewhere. */

import type { End, GraphEdge } from "../model";
import { useStudioHere } from "../studio";
import { kindOfLine } from "./lines";

export interface Joining {
  /** Whether it was done. */
  join(from: End, to: End): boolean;
  rejoin(edge: GraphEdge, from: End, to: End): void;
}

export function useJoining(): Joining {
  const { graph, scope, language, change } = useStudioHere();
  return {
    join: (from, to) => {
      const done = change(`Connect ${from.node} to ${to.node}`, (doc) => {
        language?.connect(doc, scope, from, to, kindOfLine(graph, from, to));
        return true;
      });
      return done === true;
    },
    rejoin: (edge, from, to) => {
      change(`Move the line to ${to.node}`, (doc) => {
        language?.disconnect(doc, scope, edge);
        language?.connect(doc, scope, from, to, kindOfLine(graph, from, to));
      });
    },
  };
}
