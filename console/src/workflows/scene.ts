/** The boxes of a big graph on a 2-D canvas: what is seen, as fine as it can be made out. No state but what it is given. */

import { type Bounds, type Camera, type Size, seen } from "./camera";
import { BOX, type Box, detail, stateOf } from "./graph";

export interface Scene {
  boxes: Box[];
  /** x and y of every box, by turns; NaN where none is known yet. */
  places: Float32Array;
  /** Pairs of indices of boxes. */
  edges: Int32Array;
  selected: number;
  hovered: number;
}

export interface Palette {
  ground: string;
  raised: string;
  ink: string;
  dim: string;
  line: string;
  edge: string;
  accent: string;
  states: Record<string, string>;
  font: string;
}

/** Below this a box is a coloured spot, below the next its name is left out, then its second line. */
const NAMES = 0.42;
const DETAILS = 0.62;

/** What lies over the backdrop: boxes with their words, or only what is chosen and pointed at. */
export function draw(context: CanvasRenderingContext2D, size: Size, camera: Camera, scene: Scene, palette: Palette): void {
  if (isFar(camera)) drawRings(context, scene, camera, palette);
  else drawBoxes(context, scene, camera, visible(scene, camera, size), palette);
}

/** So far away that boxes are spots: then they are part of the backdrop. */
export const isFar = ({ zoom }: Camera): boolean => zoom < NAMES;

/** Indices of the boxes that lie in the view. */
export function visible({ boxes, places }: Scene, camera: Camera, size: Size): number[] {
  const { left, top, right, bottom } = seen(camera, size);
  const found: number[] = [];
  for (let i = 0; i < boxes.length; i++) {
    const x = places[2 * i] ?? Number.NaN;
    const y = places[2 * i + 1] ?? Number.NaN;
    if (x + BOX.width > left && x < right && y + BOX.height > top && y < bottom) found.push(i);
  }
  return found;
}

/** The edges alone: they change with the shape and the scale only, so `Backdrop` keeps them as an image. */
export function drawEdges(context: CanvasRenderingContext2D, scene: Scene, camera: Camera, size: Size, palette: Palette): void {
  const { edges, places } = scene;
  const { zoom, x, y } = camera;
  const curved = zoom >= NAMES;
  context.strokeStyle = palette.edge;
  context.fillStyle = palette.edge;
  context.lineWidth = Math.max(0.6, Math.min(1.2, 1.2 * zoom));
  context.beginPath();
  for (let i = 0; i + 1 < edges.length; i += 2) {
    const from = 2 * (edges[i] ?? 0);
    const to = 2 * (edges[i + 1] ?? 0);
    const x1 = ((places[from] ?? 0) + BOX.width) * zoom + x;
    const y1 = ((places[from + 1] ?? 0) + BOX.height / 2) * zoom + y;
    const x2 = (places[to] ?? 0) * zoom + x;
    const y2 = ((places[to + 1] ?? 0) + BOX.height / 2) * zoom + y;
    if (Math.max(x1, x2) < 0 || Math.min(x1, x2) > size.width || Math.max(y1, y2) < 0 || Math.min(y1, y2) > size.height) continue;
    if (curved) curve(context, x1, y1, x2, y2, zoom);
    else elbow(context, Math.round(x1), Math.round(y1), Math.round(x2), Math.round(y2));
  }
  if (curved) context.stroke();
}

function curve(context: CanvasRenderingContext2D, x1: number, y1: number, x2: number, y2: number, zoom: number): void {
  const bend = Math.max(18 * zoom, (x2 - x1) / 2);
  context.moveTo(x1, y1);
  context.bezierCurveTo(x1 + bend, y1, x2 - bend, y2, x2, y2);
}

/** Three upright bars of one pixel: thousands of slanted lines would be smoothed for a tenth of a second. */
function elbow(context: CanvasRenderingContext2D, x1: number, y1: number, x2: number, y2: number): void {
  const middle = Math.max(x1, x2 - Math.max(2, Math.round((x2 - x1) / 2)));
  if (middle > x1) context.fillRect(x1, y1, middle - x1, 1);
  context.fillRect(middle, Math.min(y1, y2), 1, Math.abs(y2 - y1) + 1);
  if (x2 > middle) context.fillRect(middle, y2, x2 - middle, 1);
}

/** On whole pixels, which need no smoothing. */
export function drawSpots(context: CanvasRenderingContext2D, scene: Scene, camera: Camera, which: number[], palette: Palette): void {
  const { zoom, x, y } = camera;
  const width = Math.max(2, Math.round(BOX.width * zoom));
  const height = Math.max(2, Math.round(BOX.height * zoom));
  for (const i of which) {
    const box = scene.boxes[i];
    if (!box) continue;
    context.fillStyle = palette.states[stateOf(box)] ?? palette.dim;
    context.fillRect(Math.round((scene.places[2 * i] ?? 0) * zoom + x), Math.round((scene.places[2 * i + 1] ?? 0) * zoom + y), width, height);
  }
}

function drawRings(context: CanvasRenderingContext2D, scene: Scene, { zoom, x, y }: Camera, palette: Palette): void {
  context.strokeStyle = palette.accent;
  context.lineWidth = 2;
  const width = Math.max(6, BOX.width * zoom) + 4;
  const height = Math.max(6, BOX.height * zoom) + 4;
  for (const i of [scene.hovered, scene.selected])
    if (i >= 0) context.strokeRect((scene.places[2 * i] ?? 0) * zoom + x - 2, (scene.places[2 * i + 1] ?? 0) * zoom + y - 2, width, height);
}

function drawBoxes(context: CanvasRenderingContext2D, scene: Scene, camera: Camera, view: number[], palette: Palette): void {
  const { zoom, x, y } = camera;
  const radius = 9 * zoom;
  const width = BOX.width * zoom;
  const height = BOX.height * zoom;
  context.textBaseline = "middle";
  for (const i of view) {
    const box = scene.boxes[i];
    if (!box) continue;
    const left = (scene.places[2 * i] ?? 0) * zoom + x;
    const top = (scene.places[2 * i + 1] ?? 0) * zoom + y;
    const state = stateOf(box);
    const colour = palette.states[state] ?? palette.dim;
    context.beginPath();
    context.roundRect(left, top, width, height, radius);
    context.fillStyle = palette.raised;
    context.fill();
    context.strokeStyle = i === scene.selected ? palette.accent : state === "succeeded" ? palette.line : colour;
    context.lineWidth = i === scene.selected ? 2.5 : i === scene.hovered ? 2 : 1;
    context.stroke();
    context.beginPath();
    context.arc(left + 19 * zoom, top + height / 2, 6.5 * zoom, 0, 2 * Math.PI);
    context.fillStyle = colour;
    context.fill();
    words(context, box, left + 36 * zoom, top, zoom, palette);
  }
}

function words(context: CanvasRenderingContext2D, box: Box, left: number, top: number, zoom: number, palette: Palette): void {
  const both = zoom >= DETAILS;
  context.fillStyle = palette.ink;
  context.font = `600 ${13 * zoom}px ${palette.font}`;
  context.fillText(shortened(box.label, 20), left, top + (both ? 16 : 23) * zoom);
  if (!both) return;
  context.fillStyle = palette.dim;
  context.font = `${11 * zoom}px ${palette.font}`;
  context.fillText(shortened(detail(box), 26), left, top + 31 * zoom);
}

/** By letters: measuring each text would cost more than drawing it. */
function shortened(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

/** The box at a point of the plane, -1 if there is none; tiny boxes are given some room. */
export function hit({ boxes, places }: Scene, camera: Camera, at: { x: number; y: number }): number {
  const px = (at.x - camera.x) / camera.zoom;
  const py = (at.y - camera.y) / camera.zoom;
  const room = Math.max(0, 4 / camera.zoom - BOX.height / 2);
  for (let i = boxes.length - 1; i >= 0; i--) {
    const x = places[2 * i] ?? Number.NaN;
    const y = places[2 * i + 1] ?? Number.NaN;
    if (px >= x - room && px <= x + BOX.width + room && py >= y - room && py <= y + BOX.height + room) return i;
  }
  return -1;
}

export type Step = "ArrowLeft" | "ArrowRight" | "ArrowUp" | "ArrowDown";

/** Where an arrow key leads: along an edge, or to the nearest box above or below in the same column. */
export function neighbour(scene: Scene, from: number, key: Step): number {
  if (from < 0) return scene.boxes.length ? 0 : -1;
  if (key === "ArrowLeft") return along(scene.edges, from, 1, 0);
  return key === "ArrowRight" ? along(scene.edges, from, 0, 1) : nearest(scene, from, key === "ArrowDown");
}

function along(edges: Int32Array, from: number, mine: number, other: number): number {
  for (let i = 0; i + 1 < edges.length; i += 2) if (edges[i + mine] === from) return edges[i + other] ?? from;
  return from;
}

function nearest({ boxes, places }: Scene, from: number, down: boolean): number {
  const x = places[2 * from];
  const y = places[2 * from + 1] ?? 0;
  let best = from;
  for (let i = 0; i < boxes.length; i++) {
    const dy = (places[2 * i + 1] ?? 0) - y;
    if (places[2 * i] !== x || (down ? dy <= 0 : dy >= 0)) continue;
    if (best === from || Math.abs(dy) < Math.abs((places[2 * best + 1] ?? 0) - y)) best = i;
  }
  return best;
}

/** What of the plane the boxes take up. */
export function bounds(places: Float32Array): Bounds {
  const found = { left: 0, top: 0, right: BOX.width, bottom: BOX.height };
  for (let i = 0; i + 1 < places.length; i += 2) {
    const [x = 0, y = 0] = [places[i], places[i + 1]];
    found.left = Math.min(found.left, x);
    found.top = Math.min(found.top, y);
    found.right = Math.max(found.right, x + BOX.width);
    found.bottom = Math.max(found.bottom, y + BOX.height);
  }
  return found;
}

/** How many boxes of each state there are: `succeeded:3 running:1`. */
export function counted({ boxes }: Scene): string {
  const counts = new Map<string, number>();
  for (const box of boxes) {
    const state = stateOf(box);
    counts.set(state, (counts.get(state) ?? 0) + 1);
  }
  return [...counts].map(([state, n]) => `${state}:${n}`).join(" ");
}
