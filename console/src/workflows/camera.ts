/** What of a plane is seen: a shift and a scale. Pure. */

export interface Camera {
  x: number;
  y: number;
  zoom: number;
}

export interface Size {
  width: number;
  height: number;
}

export interface Bounds {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

const LARGEST = 2;
const SMALLEST = 0.005;

/** Bigger or smaller by a factor; the point of the screen stays where it is. */
export function zoomed(camera: Camera, factor: number, at: { x: number; y: number }): Camera {
  const zoom = Math.min(LARGEST, Math.max(SMALLEST, camera.zoom * factor));
  const scale = zoom / camera.zoom;
  return { zoom, x: at.x - (at.x - camera.x) * scale, y: at.y - (at.y - camera.y) * scale };
}

export function fitted(bounds: Bounds, { width, height }: Size, most = 1.1): Camera {
  const wide = Math.max(1, bounds.right - bounds.left);
  const high = Math.max(1, bounds.bottom - bounds.top);
  const zoom = Math.max(SMALLEST, Math.min(most, (0.9 * width) / wide, (0.9 * height) / high));
  return { zoom, x: width / 2 - (zoom * (bounds.left + bounds.right)) / 2, y: height / 2 - (zoom * (bounds.top + bounds.bottom)) / 2 };
}

/** The part of the plane that the screen shows. */
export function seen({ x, y, zoom }: Camera, { width, height }: Size): Bounds {
  return { left: -x / zoom, top: -y / zoom, right: (width - x) / zoom, bottom: (height - y) / zoom };
}

/** Moved as little as it takes to show a place well inside. */
export function showing(camera: Camera, { width, height }: Size, place: Bounds): Camera {
  const margin = 40;
  const shift = (low: number, high: number, size: number) =>
    low < margin ? margin - low : high > size - margin ? size - margin - high : 0;
  const { x, y, zoom } = camera;
  return {
    zoom,
    x: x + shift(place.left * zoom + x, place.right * zoom + x, width),
    y: y + shift(place.top * zoom + y, place.bottom * zoom + y, height),
  };
}
