/** Nodes put in order: laid out anew, in a row, with equal gaps. Each is one change of the document. */

import { useReactFlow } from "@xyflow/react";
import { complain, notify } from "../../ui/toasts";
import { type Box, type How, aligned, least } from "../canvas/align";
import { arrange, around } from "../canvas/place";
import { size } from "../canvas/rows";
import { FIT } from "../canvas/view";
import { move } from "../document/layout";
import { NUDGING } from "../history";
import { type Graph, type Place, node } from "../model";
import { useStudioHere } from "../studio";
import type { Drawing, Places } from "./drawing";

export interface Arranging {
  /** The chosen steps, if there are some, where they are; else all. */
  tidy(): void;
  align(how: How): void;
  /** By an arrow key; presses that follow each other are one change. */
  nudge(key: string, far: boolean): void;
}

const STEP = { near: 10, far: 100 };
const WAY: Record<string, Place> = { ArrowLeft: { x: -1, y: 0 }, ArrowRight: { x: 1, y: 0 }, ArrowUp: { x: 0, y: -1 }, ArrowDown: { x: 0, y: 1 } };

export const WAYS: readonly { how: How; label: string; keys: string; code: string }[] = [
  { how: "left", label: "Align left", keys: "Alt A", code: "KeyA" },
  { how: "centre", label: "Align centres", keys: "Alt H", code: "KeyH" },
  { how: "right", label: "Align right", keys: "Alt D", code: "KeyD" },
  { how: "top", label: "Align top", keys: "Alt W", code: "KeyW" },
  { how: "middle", label: "Align middles", keys: "Alt V", code: "KeyV" },
  { how: "bottom", label: "Align bottom", keys: "Alt S", code: "KeyS" },
  { how: "across", label: "Equal gaps across", keys: "Alt Shift H", code: "Shift KeyH" },
  { how: "down", label: "Equal gaps down", keys: "Alt Shift V", code: "Shift KeyV" },
];

export function useArranging({ chosen, places }: Drawing): Arranging {
  const { graph, scope, change } = useStudioHere();
  const flow = useReactFlow();

  function put(label: string, found: Places): void {
    change(label, (doc) => move(doc, scope, new Map([...places, ...found])));
  }

  async function tidy(): Promise<void> {
    if (chosen.length > 1) {
      put("Arrange the chosen steps", around(await arrange(part(graph, chosen)), places));
      return;
    }
    put("Arrange", await arrange(graph));
    requestAnimationFrame(() => void flow.fitView({ ...FIT, duration: 200 }));
  }

  function nudge(key: string, far: boolean): void {
    const way = WAY[key];
    if (!way || chosen.length === 0) return;
    const by = far ? STEP.far : STEP.near;
    const moved = chosen.flatMap((id): [string, Place][] => {
      const place = places.get(id);
      return place ? [[id, { x: place.x + by * way.x, y: place.y + by * way.y }]] : [];
    });
    put(NUDGING, new Map(moved));
  }

  return {
    nudge,
    tidy: () => void tidy().catch(complain),
    align: (how) => {
      const label = WAYS.find((each) => each.how === how)?.label ?? "Align";
      if (chosen.length < least(how)) notify(`Choose ${least(how)} steps or more first`);
      else put(label, aligned(boxes(graph, chosen, places), how));
    },
  };
}

/** The chosen nodes and the edges between them. */
function part(graph: Graph, chosen: readonly string[]): Graph {
  const some = new Set(chosen);
  return { ...graph, nodes: graph.nodes.filter((each) => some.has(each.id)), edges: graph.edges.filter(({ from, to }) => some.has(from.node) && some.has(to.node)) };
}

function boxes(graph: Graph, chosen: readonly string[], places: Places): Map<string, Box> {
  const boxed = (id: string, place: Place | undefined): [string, Box][] => {
    const step = node(graph, id);
    return step && place ? [[id, { ...place, ...size(graph, step) }]] : [];
  };
  return new Map(chosen.flatMap((id) => boxed(id, places.get(id))));
}
