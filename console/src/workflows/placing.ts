/** Places of a graph's boxes: a worker is asked, one question at a time, since a run that grows would ask at every step. */

import type { Picture } from "./graph";
import type { Answer, Ask } from "./layers.worker";

/** A picture with its places: indices are those of its boxes. */
export interface Placed {
  picture: Picture;
  index: Map<string, number>;
  edges: Int32Array;
  places: Float32Array;
}

export class Placing {
  private readonly worker = new Worker(new URL("./layers.worker.ts", import.meta.url), { type: "module" });
  private asked: Omit<Placed, "places"> | null = null;

  constructor(private readonly onPlaced: (found: Placed) => void) {
    this.worker.onmessage = ({ data }: MessageEvent<Answer>) => this.answered(data);
  }

  get busy(): boolean {
    return this.asked !== null;
  }

  ask(picture: Picture): void {
    const index = new Map(picture.boxes.map((box, i) => [box.id, i]));
    const edges = new Int32Array(picture.edges.length * 2);
    picture.edges.forEach((edge, i) => {
      edges[2 * i] = index.get(edge.from) ?? 0;
      edges[2 * i + 1] = index.get(edge.to) ?? 0;
    });
    this.asked = { picture, index, edges };
    const ask: Ask = { count: picture.boxes.length, edges };
    this.worker.postMessage(ask);
  }

  private answered({ places }: Answer): void {
    const { asked } = this;
    this.asked = null;
    if (asked) this.onPlaced({ ...asked, places });
  }

  close(): void {
    this.worker.terminate();
  }
}
