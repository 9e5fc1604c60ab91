/** How much of the drawing is seen. */

/** Everything, as long as it can be read. */
export const FIT = { padding: 0.08, maxZoom: 1, minZoom: 0.55 };

/** Whether the whole of a node is on the screen. */
export function seen(id: string): boolean {
  const box = document.querySelector(`.react-flow__node[data-id="${CSS.escape(id)}"]`)?.getBoundingClientRect();
  const around = document.querySelector(".drawing")?.getBoundingClientRect();
  return Boolean(box && around && box.left >= around.left && box.right <= around.right && box.top >= around.top && box.bottom <= around.bottom);
}

/** The edge that runs through a point of the screen, below whatever lies on it. */
export function edgeAt(x: number, y: number): string | null {
  for (const each of document.elementsFromPoint(x, y)) {
    const id = each.closest<SVGGElement>(".react-flow__edge")?.dataset.id;
    if (id) return id;
  }
  return null;
}
