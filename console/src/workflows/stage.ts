/**
 * What happens around a big graph's canvas: events in, drawings out, at most one a frame and none without a reason.
 *
 * Places come from a worker; until they are there, boxes that came meanwhile are left out. The canvas carries the
 * number of boxes of each state that it shows (`data-states`), for tests and for who measures.
 */

import { Backdrop } from "./backdrop";
import { type Camera, fitted, showing, zoomed } from "./camera";
import { BOX, type Box, type Picture, stateOf } from "./graph";
import { colours } from "./palette";
import { type Placed, Placing } from "./placing";
import { type At, Pointer } from "./pointer";
import { type Palette, type Scene, type Step, bounds, counted, draw, hit, neighbour } from "./scene";

const STEP = 60;
const CLOSER = 1.3;
const SHIFTS: Record<string, At> = { ArrowLeft: { x: STEP, y: 0 }, ArrowRight: { x: -STEP, y: 0 }, ArrowUp: { x: 0, y: STEP }, ArrowDown: { x: 0, y: -STEP } };

export class Stage {
  private readonly context: CanvasRenderingContext2D | null;
  private readonly placing = new Placing((found) => this.place(found));
  private readonly watcher = new ResizeObserver(() => this.resize());
  private readonly backdrop = new Backdrop();
  private camera: Camera = { x: 0, y: 0, zoom: 1 };
  /** The camera when a drag began. */
  private held: Camera = this.camera;
  private size = { width: 0, height: 0 };
  private scene: Scene = { boxes: [], places: new Float32Array(), edges: new Int32Array(), selected: -1, hovered: -1 };
  private picture: Picture | null = null;
  private index = new Map<string, number>();
  private wanted: string | undefined;
  private told: Box[] = [];
  private palette: Palette;
  private frame = 0;
  private moved = false;
  /** The shape whose places are known. */
  private placed = 0;

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly onSelect: (id: string) => void,
    private readonly tell: (text: string) => void,
  ) {
    this.context = canvas.getContext("2d", { alpha: false });
    this.palette = colours(canvas);
    this.watcher.observe(canvas);
    new Pointer(canvas, {
      held: () => {
        this.held = this.camera;
      },
      dragged: ({ x, y }) => this.look({ ...this.held, x: this.held.x + x, y: this.held.y + y }),
      over: (at) => this.hover(at ? hit(this.scene, this.camera, at) : -1),
      chosen: (at) => this.choose(hit(this.scene, this.camera, at)),
      wheeled: (factor, at) => this.look(zoomed(this.camera, factor, at)),
    });
  }

  close(): void {
    cancelAnimationFrame(this.frame);
    this.watcher.disconnect();
    this.placing.close();
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
      if (!this.placing.busy) this.placing.ask(picture);
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
    this.look(zoomed(this.camera, factor, { x: this.size.width / 2, y: this.size.height / 2 }));
  }

  fit(): void {
    this.moved = false;
    this.camera = fitted(bounds(this.scene.places), this.size);
    this.soon();
  }

  /** From now on the camera is where somebody has put it. */
  private look(camera: Camera): void {
    this.moved = true;
    this.camera = camera;
    this.soon();
  }

  private place({ picture: asked, index, places, edges }: Placed): void {
    const { picture } = this;
    if (!picture) return;
    this.index = index;
    this.placed = asked.shape;
    this.scene = { ...this.scene, boxes: asked.boxes, places, edges, hovered: -1 };
    if (picture.shape === this.placed) this.scene.boxes = picture.boxes;
    else {
      this.restate(picture);
      this.placing.ask(picture);
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

  private choose(i: number): void {
    const box = this.scene.boxes[i];
    if (box) this.onSelect(box.id);
  }

  private hover(i: number): void {
    if (i === this.scene.hovered) return;
    this.scene.hovered = i;
    this.canvas.style.cursor = i >= 0 ? "pointer" : "";
    const box = this.scene.boxes[i];
    this.tell(box ? `${box.label} · ${stateOf(box)}` : "");
    this.soon();
  }

  press(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (this.pressed(event)) event.preventDefault();
  }

  private pressed({ key, shiftKey }: KeyboardEvent): boolean {
    const shift = SHIFTS[key];
    if (shift && shiftKey) this.look({ ...this.camera, x: this.camera.x + shift.x, y: this.camera.y + shift.y });
    else if (shift) this.walk(key as Step);
    else if (key === "+" || key === "=") this.zoom(CLOSER);
    else if (key === "-") this.zoom(1 / CLOSER);
    else if (key === "0") this.fit();
    else return false;
    return true;
  }

  private walk(key: Step): void {
    const to = neighbour(this.scene, this.scene.selected, key);
    const box = this.scene.boxes[to];
    if (!box) return;
    const [left, top] = [this.scene.places[2 * to] ?? 0, this.scene.places[2 * to + 1] ?? 0];
    this.look(showing(this.camera, this.size, { left, top, right: left + BOX.width, bottom: top + BOX.height }));
    this.onSelect(box.id);
  }
}
