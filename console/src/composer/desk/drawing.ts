/** What one sees of a drawing: where its nodes lie, which of them are chosen, where a newcomer would lie. */

import { useReactFlow } from "@xyflow/react";
import { type RefObject, useMemo, useRef, useState } from "react";
import { clear } from "../canvas/place";
import { WIDTH } from "../canvas/rows";
import type { Place } from "../model";
import { useStudioHere } from "../studio";

export type Places = ReadonlyMap<string, Place>;

export interface Drawing {
  ref: RefObject<HTMLDivElement | null>;
  places: Places;
  setPlaces: (places: Places) => void;
  /** Steps that are chosen and there. */
  chosen: string[];
  /** The only one that is chosen. */
  one: string | undefined;
  /** Where a newcomer lies that nobody has put anywhere. */
  spot(): Place;
  /** Where a newcomer lies that goes between two. */
  between(first: string, second: string): Place;
  focus(): void;
}

const GAP = 80;
const HALF = { width: WIDTH / 2, height: 40 };
const USUAL_HEIGHT = 90;

export function useDrawing(): Drawing {
  const { graph, selection } = useStudioHere();
  const flow = useReactFlow();
  const ref = useRef<HTMLDivElement>(null);
  const [places, setPlaces] = useState<Places>(new Map());
  const chosen = useMemo(() => [...selection.nodes].filter((id) => graph.nodes.some((each) => each.id === id)), [selection.nodes, graph.nodes]);
  const one = chosen.length === 1 ? chosen[0] : undefined;

  function middle(): Place {
    const box = ref.current?.getBoundingClientRect();
    if (!box) return { x: 0, y: 0 };
    return flow.screenToFlowPosition({ x: box.x + box.width / 2 - HALF.width, y: box.y + box.height / 2 - HALF.height });
  }

  return {
    ref,
    places,
    setPlaces,
    chosen,
    one,
    spot: () => {
      const beside = one === undefined ? undefined : places.get(one);
      return clear(beside ? { x: beside.x + WIDTH + GAP, y: beside.y } : middle(), USUAL_HEIGHT, graph, places);
    },
    between: (first, second) => {
      const [a, b] = [places.get(first), places.get(second)];
      const found = a && b ? { x: (a.x + b.x) / 2, y: Math.max(a.y, b.y) } : middle();
      return clear(found, USUAL_HEIGHT, graph, places);
    },
    focus: () => ref.current?.focus({ preventScroll: true }),
  };
}
