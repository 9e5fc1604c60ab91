/** How much of the drawing is seen. */

import type { useReactFlow } from "@xyflow/react";

type Flow = ReturnType<typeof useReactFlow>;

/** Everything, however small. */
export const FIT = { padding: 0.08, maxZoom: 1, minZoom: 0.1 };
/** Below the first nothing can be made out: then one begins at the beginning, as large as the second. */
const READABLE = { least: 0.4, usual: 0.75 };
const MARGIN = 40;

/** A drawing as it is opened: whole, or where it begins if it would be too small. */
export function showOpened(flow: Flow): void {
  const box = document.querySelector(".drawing .react-flow")?.getBoundingClientRect();
  const nodes = flow.getNodes();
  const all = flow.getNodesBounds(nodes);
  const zoom = box ? Math.min(box.width / (all.width + 2 * MARGIN), box.height / (all.height + 2 * MARGIN)) : 1;
  const first = nodes.filter((each) => each.type === "step").sort((a, b) => a.position.x - b.position.x)[0];
  if (!box || !first || zoom >= READABLE.least) {
    void flow.fitView(FIT);
    return;
  }
  const { usual } = READABLE;
  void flow.setViewport({ zoom: usual, x: MARGIN - first.position.x * usual, y: box.height / 2 - (first.position.y + MARGIN) * usual });
}

/** The edge that runs through a point of the screen, below whatever lies on it. */
export function edgeAt(x: number, y: number): string | null {
  for (const each of document.elementsFromPoint(x, y)) {
    const id = each.closest<SVGGElement>(".react-flow__edge")?.dataset.id;
    if (id) return id;
  }
  return null;
}
