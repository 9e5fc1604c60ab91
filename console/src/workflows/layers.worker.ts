/** The layout of big graphs, beside the page. */

import { layered } from "./layers";

export interface Ask {
  count: number;
  edges: Int32Array;
}

export interface Answer {
  places: Float32Array;
}

self.onmessage = ({ data: { count, edges } }: MessageEvent<Ask>) => {
  const places = layered(count, edges);
  const answer: Answer = { places };
  self.postMessage(answer, { transfer: [places.buffer] });
};
