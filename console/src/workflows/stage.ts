/**
 * What happens around a big graph's canvas: events in, drawings out, at most one a frame and none without a reason.
 *
 * Places come from a worker; until they are there, boxes that came meanwhile are left out. The canvas carries the
 * number of boxes of each state that it shows (`data-states`), for tests and for who measures.
 */

import { Backdrop } from "./backdrop";
import { type Bounds, type Camera, fitted, showing, zoomed } from "./camera";
import { BOX, type Box, type Picture, stateOf } from "./graph";
import type { Answer, Ask } from "./layers.worker";
import { type Palette, type Scene, type Step, draw, hit, neighbour } from "./scene";

const STEP = 60;
const SLOP = 4;
const ARROWS = new Set<string>(["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"]);

export class Stage {
  private readonly context: CanvasRenderingContext2D | null;
  private readonly worker = new Worker(new URL("./layers.worker.ts", import.meta.url), { type: "module" });
  private readonly watcher: ResizeObserver;
  private camera: Camera = { x: 0, y: 0, zoom: 1 };
  private size = { width: 0, height: 0 };
  private scene: Scene = { boxes: [], places: new Float32Array(), edges: new Int32Array(), selected: -1, hovered: -1 };
  private picture: Picture | null = null;
  private index = new Map<string, number>();
  private wanted: string | undefined;
  private readonly backdrop = new Backdrop();
  private told: Box[] = [];
  private palette: Palette;
  private frame = 0;
  private moved = false;
  /** The shape whose places are known, and the picture whose places are looked for. */
  private placed = 0;
  private placing: { picture: Picture; index: Map<string, number>; edges: Int32Array } | null = null;
  private held: { x: number; y: number; camera: Camera; dragged: boolean } | null = null;

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly onSelect: (id: string) => void,
    private readonly tell: (text: string) => void,
  ) {
    this.context = canvas.getContext("2d", { alpha: false });
    this.palette = colours(canvas);
    this.worker.onmessage = ({ data }: MessageEvent<Answer>) => this.place(data);
    this.watcher = new ResizeObserver(() => this.resize());
    this.watcher.observe(canvas);
    canvas.addEventListener("pointerdown", this.hold);
    canvas.addEventListener("pointermove", this.move);
    canvas.addEventListener("pointerup", this.release);
    canvas.addEventListener("pointerleave", this.leave);
    canvas.addEventListener("wheel", this.wheel, { passive: false });
  }

  close(): void {
    cancelAnimationFrame(this.frame);
    this.watcher.disconnect();
    this.worker.terminate();
  }

  /** Colours are read off the page anew. */
  recolour(_dark: boolean): void {
    this.palette = colours(this.canvas);
    this.soon();
  }

  show(picture: Picture): void {
    this.picture = picture;
    if (this.placed === picture.shape) this.scene.boxes = picture.boxes;
    else {
      this.restate(picture);
      if (this.placing === null) this.ask(picture);
    }
    this.soon();
  }

  /** While places are looked for: what is drawn already says what is new of it. */
  private restate(picture: Picture): void {
    const now = new Map(picture.boxes.map((box) => [box.id, box]));
    this.scene.boxes = this.scene.boxes.map((box) => now.get(box.id) ?? box);
  }

  select(id: string | undefined): void {
    this.wanted = id;
    this.scene.selected = this.index.get(id ?? "") ?? -1;
    this.soon();
  }

  zoom(factor: number): void {
    this.moved = true;
    this.camera = zoomed(this.camera, factor, { x: this.size.width / 2, y: this.size.height / 2 });
    this.soon();
  }

  fit(): void {
    this.moved = false;
    this.camera = fitted(bounds(this.scene.places), this.size);
    this.soon();
  }

  /** One question at a time: a run that grows would ask at every step. */
  private ask(picture: Picture): void {
    const index = new Map(picture.boxes.map((box, i) => [box.id, i]));
    const edges = new Int32Array(picture.edges.length * 2);
    picture.edges.forEach((edge, i) => {
      edges[2 * i] = index.get(edge.from) ?? 0;
      edges[2 * i + 1] = index.get(edge.to) ?? 0;
    });
    this.placing = { picture, index, edges };
    const ask: Ask = { count: picture.boxes.length, edges };
    this.worker.postMessage(ask);
  }

  private place({ places }: Answer): void {
    const { placing, picture } = this;
    this.placing = null;
    if (!placing || !picture) return;
    this.index = placing.index;
    this.placed = placing.picture.shape;
    this.scene = { ...this.scene, boxes: placing.picture.boxes, places, edges: placing.edges, hovered: -1 };
    if (picture.shape === this.placed) this.scene.boxes = picture.boxes;
    else {
      this.restate(picture);
      this.ask(picture);
    }
    if (!this.moved) this.fit();
    this.select(this.wanted);
  }

  private soon(): void {
    if (this.frame === 0)
      this.frame = requestAnimationFrame(() => {
        this.frame = 0;
        this.paint();
      });
  }

  private paint(): void {
    if (!this.context || !this.size.width) return;
    const { context, size, camera, scene, palette } = this;
    this.backdrop.put(context, size, devicePixelRatio, camera, scene, palette);
    context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    draw(context, size, camera, scene, palette);
    if (this.told === scene.boxes) return;
    this.told = scene.boxes;
    this.canvas.dataset.states = counted(scene);
  }

  private resize(): void {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    this.size = { width, height };
    this.canvas.width = Math.round(width * devicePixelRatio);
    this.canvas.height = Math.round(height * devicePixelRatio);
    if (!this.moved) this.camera = fitted(bounds(this.scene.places), this.size);
    this.paint();
  }

  private readonly hold = (event: PointerEvent): void => {
    if (event.button !== 0) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.held = { x: event.offsetX, y: event.offsetY, camera: this.camera, dragged: false };
  };

  private readonly move = (event: PointerEvent): void => {
    const { held } = this;
    if (!held) {
      this.hover(hit(this.scene, this.camera, { x: event.offsetX, y: event.offsetY }));
      return;
    }
    const [dx, dy] = [event.offsetX - held.x, event.offsetY - held.y];
    if (!held.dragged && Math.abs(dx) + Math.abs(dy) < SLOP) return;
    held.dragged = true;
    this.moved = true;
    this.camera = { ...held.camera, x: held.camera.x + dx, y: held.camera.y + dy };
    this.canvas.style.cursor = "grabbing";
    this.soon();
  };

  private readonly release = (event: PointerEvent): void => {
    const dragged = this.held?.dragged;
    this.held = null;
    this.canvas.style.cursor = "";
    const box = this.scene.boxes[hit(this.scene, this.camera, { x: event.offsetX, y: event.offsetY })];
    if (!dragged && box) this.onSelect(box.id);
  };

  private readonly leave = (): void => this.hover(-1);

  private hover(i: number): void {
    if (i === this.scene.hovered) return;
    this.scene.hovered = i;
    this.canvas.style.cursor = i >= 0 ? "pointer" : "";
    const box = this.scene.boxes[i];
    this.tell(box ? `${box.label} · ${stateOf(box)}` : "");
    this.soon();
  }

  private readonly wheel = (event: WheelEvent): void => {
    event.preventDefault();
    this.moved = true;
    const factor = Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0016));
    this.camera = zoomed(this.camera, factor, { x: event.offsetX, y: event.offsetY });
    this.soon();
  };

  press(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (ARROWS.has(event.key)) {
      if (event.shiftKey) this.shift(event.key);
      else this.walk(event.key as Step);
    } else if (event.key === "+" || event.key === "=") this.zoom(1.3);
    else if (event.key === "-") this.zoom(1 / 1.3);
    else if (event.key === "0") this.fit();
    else return;
    event.preventDefault();
  }

  private shift(key: string): void {
    this.moved = true;
    const dx = key === "ArrowLeft" ? STEP : key === "ArrowRight" ? -STEP : 0;
    const dy = key === "ArrowUp" ? STEP : key === "ArrowDown" ? -STEP : 0;
    this.camera = { ...this.camera, x: this.camera.x + dx, y: this.camera.y + dy };
    this.soon();
  }

  private walk(key: Step): void {
    const to = neighbour(this.scene, this.scene.selected, key);
    const box = this.scene.boxes[to];
    if (!box) return;
    const [left, top] = [this.scene.places[2 * to] ?? 0, this.scene.places[2 * to + 1] ?? 0];
    this.moved = true;
    this.camera = showing(this.camera, this.size, { left, top, right: left + BOX.width, bottom: top + BOX.height });
    this.onSelect(box.id);
  }
}

function bounds(places: Float32Array): Bounds {
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

function counted({ boxes }: Scene): string {
  const counts = new Map<string, number>();
  for (const box of boxes) {
    const state = stateOf(box);
    counts.set(state, (counts.get(state) ?? 0) + 1);
  }
  return [...counts].map(([state, n]) => `${state}:${n}`).join(" ");
}

/** A canvas knows no variables: they are read off an element. */
function colours(canvas: HTMLCanvasElement): Palette {
  const probe = document.createElement("span");
  canvas.parentElement?.append(probe);
  const colour = (value: string) => {
    probe.style.color = value;
    return getComputedStyle(probe).color;
  };
  const [good, bad, busy, ask, dim] = ["good", "bad", "busy", "ask", "dim"].map((name) => colour(`var(--${name})`)) as [string, string, string, string, string];
  const line = colour("var(--line)");
  const palette: Palette = {
    ground: colour("var(--ground)"), raised: colour("var(--raised)"), ink: colour("var(--ink)"), dim, line,
    edge: colour("light-dark(#b4bdcb, #4a5464)"), accent: colour("var(--accent)"),
    states: { succeeded: good, failed: bad, error: bad, running: busy, waits: ask, pending: dim, skipped: line, omitted: line },
    font: getComputedStyle(canvas).fontFamily,
  };
  probe.remove();
  return palette;
}
