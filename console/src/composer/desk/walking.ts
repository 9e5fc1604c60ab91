/** From step to step by the arrow keys; what is chosen comes into view. */

import { useReactFlow } from "@xyflow/react";
import { next } from "../canvas/place";
import { size } from "../canvas/rows";
import { seen } from "../canvas/view";
import { node } from "../model";
import { useStudioHere } from "../studio";
import type { Drawing } from "./drawing";

export function useWalking({ places, one }: Drawing): (key: string, extend: boolean) => void {
  const { graph, selection, select } = useStudioHere();
  const flow = useReactFlow();

  function show(id: string): void {
    const [place, step] = [places.get(id), node(graph, id)];
    if (!place || !step || seen(id)) return;
    void flow.setCenter(place.x + size(graph, step).width / 2, place.y + 40, { zoom: flow.getZoom(), duration: 150 });
  }

  return (key, extend) => {
    const from = one ?? [...selection.nodes].at(-1) ?? "";
    const to = next(graph, places, from, key);
    if (!to) return;
    select(extend ? [...selection.nodes, to] : [to]);
    show(to);
  };
}
