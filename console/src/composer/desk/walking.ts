/** From step to step by the arrow keys; what is chosen comes into view. */

import { useReactFlow } from "@xyflow/react";
import { useEffect } from "react";
import { next } from "../canvas/place";
import { size } from "../canvas/rows";
import { node } from "../model";
import { useStudioHere } from "../studio";
import type { Drawing } from "./drawing";

export function useWalking({ places, one }: Drawing): (key: string, extend: boolean) => void {
  const { graph, selection, select } = useStudioHere();
  return (key, extend) => {
    const from = one ?? [...selection.nodes].at(-1) ?? "";
    const to = next(graph, places, from, key);
    if (to) select(extend ? [...selection.nodes, to] : [to]);
  };
}

/** Whatever is chosen, by a key or because it is new, comes into view; what the pointer chose is there already. */
export function useShown({ ref, places, one }: Drawing): void {
  const { graph, selection } = useStudioHere();
  const flow = useReactFlow();
  const last = one ?? [...selection.nodes].at(-1);
  const place = last === undefined ? undefined : places.get(last);
  const known = place !== undefined;
  // biome-ignore lint/correctness/useExhaustiveDependencies: when the choice changes, or is placed first; not when it moves
  useEffect(() => {
    const step = last === undefined ? undefined : node(graph, last);
    if (!place || !step || !ref.current) return;
    const box = ref.current.getBoundingClientRect();
    const { width, height } = size(graph, step);
    const [from, to] = [flow.flowToScreenPosition(place), flow.flowToScreenPosition({ x: place.x + width, y: place.y + height })];
    const seen = from.x >= box.left && to.x <= box.right && from.y >= box.top && to.y <= box.bottom;
    const middle = { x: (from.x + to.x) / 2, y: (from.y + to.y) / 2 };
    const near = middle.x > box.left && middle.x < box.right && middle.y > box.top && middle.y < box.bottom;
    if (seen || (near && !document.querySelector(":focus-visible"))) return;
    void flow.setCenter(place.x + width / 2, place.y + height / 2, { zoom: flow.getZoom(), duration: 150 });
  }, [last, known]);
}
