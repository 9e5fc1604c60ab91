/**
 * The edges of a big graph, and from afar its boxes, as an image somewhat larger than the canvas: while the graph is
 * moved, the image is. It is drawn anew when the scale or the shape changes, or when its rim comes into view; a box that
 * says something else is painted over.
 */

import type { Camera, Size } from "./camera";
import { type Palette, type Scene, drawEdges, drawSpots, isFar, visible } from "./scene";

/** How far the image goes beyond the canvas on each side, in canvases. */
const RIM = 0.5;

export class Backdrop {
  private readonly image = document.createElement("canvas");
  private readonly context = this.image.getContext("2d", { alpha: false });
  private drawn: { camera: Camera; size: Size; scene: Scene; palette: Palette } | null = null;

  /** Fills the whole canvas. */
  put(context: CanvasRenderingContext2D, size: Size, ratio: number, camera: Camera, scene: Scene, palette: Palette): void {
    if (!this.fits(size, camera, scene, palette)) this.draw(size, ratio, camera, scene, palette);
    else this.mend(scene, palette);
    const shown = this.drawn?.camera ?? camera;
    context.setTransform(1, 0, 0, 1, 0, 0);
    const x = (camera.x - shown.x - RIM * size.width) * ratio;
    const y = (camera.y - shown.y - RIM * size.height) * ratio;
    context.drawImage(this.image, Math.round(x), Math.round(y));
  }

  private fits(size: Size, camera: Camera, scene: Scene, palette: Palette): boolean {
    const { drawn } = this;
    if (!drawn || drawn.scene.places !== scene.places || drawn.palette !== palette || drawn.camera.zoom !== camera.zoom) return false;
    if (drawn.size.width !== size.width || drawn.size.height !== size.height) return false;
    return Math.abs(camera.x - drawn.camera.x) <= RIM * size.width && Math.abs(camera.y - drawn.camera.y) <= RIM * size.height;
  }

  private draw(size: Size, ratio: number, camera: Camera, scene: Scene, palette: Palette): void {
    const { context, image } = this;
    if (!context) return;
    const whole = { width: size.width * (1 + 2 * RIM), height: size.height * (1 + 2 * RIM) };
    image.width = Math.round(whole.width * ratio);
    image.height = Math.round(whole.height * ratio);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.fillStyle = palette.ground;
    context.fillRect(0, 0, whole.width, whole.height);
    const from = shifted(camera, size);
    drawEdges(context, scene, from, whole, palette);
    if (isFar(camera)) drawSpots(context, scene, from, visible(scene, from, whole), palette);
    this.drawn = { camera, size, scene: { ...scene }, palette };
  }

  /** Only the boxes that changed since. */
  private mend(scene: Scene, palette: Palette): void {
    const { drawn, context } = this;
    if (!drawn || !context || drawn.scene.boxes === scene.boxes) return;
    const before = drawn.scene.boxes;
    const changed = scene.boxes.flatMap((box, i) => (box === before[i] ? [] : [i]));
    if (isFar(drawn.camera)) drawSpots(context, scene, shifted(drawn.camera, drawn.size), changed, palette);
    drawn.scene = { ...scene };
  }
}

/** As the image sees it, which begins left of and above the canvas. */
function shifted({ zoom, x, y }: Camera, { width, height }: Size): Camera {
  return { zoom, x: x + RIM * width, y: y + RIM * height };
}
