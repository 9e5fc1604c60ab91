/** Places of what has none: all by elk when nothing was ever placed, newcomers beside what they follow. */

import { useNodesInitialized, useReactFlow, useStore } from "@xyflow/react";
import { useCallback, useEffect, useRef, useState } from "react";
import type { Graph, Place } from "../model";
import { useStudioHere } from "../studio";
import { arrange, seat } from "./place";
import { showOpened } from "./view";

type Places = ReadonlyMap<string, Place>;

export function usePlaces(places: Places, setPlaces: (places: Places) => void): void {
  const { graph, scope, at } = useStudioHere();
  const shown = useRef("");
  const showAll = useFit(graph.nodes.length + graph.notes.length);
  // biome-ignore lint/correctness/useExhaustiveDependencies: places follow the graph, not themselves
  useEffect(() => {
    let current = true;
    const here = `${at} ${scope}`;
    const fresh = shown.current !== here;
    const settle = (found: Places, whole: boolean) => {
      if (!current) return;
      shown.current = here;
      setPlaces(found);
      if (whole) showAll();
    };
    const known = fresh ? graph.places : new Map([...places, ...graph.places]);
    if (unplaced(graph, known)) void arrange(graph).then((found) => settle(found, true));
    else settle(seat(graph, present(graph, known)), fresh && graph.nodes.length > 0);
    return () => {
      current = false;
    };
  }, [graph, scope, at, showAll, setPlaces]);
}

/** Brings the drawing into view as soon as all of it is there and measured. */
function useFit(many: number): () => void {
  const flow = useReactFlow();
  const measured = useNodesInitialized();
  const all = useStore(({ nodes }) => nodes.length) >= many;
  const [wanted, setWanted] = useState(false);
  useEffect(() => {
    if (!wanted || !measured || !all) return;
    setWanted(false);
    requestAnimationFrame(() => showOpened(flow));
  }, [wanted, measured, all, flow]);
  return useCallback(() => setWanted(true), []);
}

function unplaced({ nodes }: Graph, known: Places): boolean {
  return nodes.length > 1 && nodes.every((each) => !known.has(each.id));
}

function present({ nodes }: Graph, known: Places): Places {
  const ids = new Set(nodes.map((each) => each.id));
  return new Map([...known].filter(([id]) => ids.has(id)));
}
