/** How much of the drawing is seen. */

/** Everything, as long as it can be read. */
export const FIT = { padding: 0.08, maxZoom: 1, minZoom: 0.55 };

/** The edge that runs through a point of the screen, below whatever lies on it. */
export function edgeAt(x: number, y: number): string | null {
  for (const each of document.elementsFromPoint(x, y)) {
    const id = each.closest<SVGGElement>(".react-flow__edge")?.dataset.id;
    if (id) return id;
  }
  return null;
}
