/** A run's nodes as Argo keeps them when they grow long: packed into the object, or away in its server's database. */

import type { NodeStatus, Workflow } from "../api/types";

export type Nodes = Record<string, NodeStatus>;

/** base64 of gzip of JSON, as Argo's controller packs them. */
export async function unpack(words: string): Promise<Nodes> {
  const bytes = Uint8Array.from(atob(words), (letter) => letter.charCodeAt(0));
  const packed = new ReadableStream<Uint8Array<ArrayBuffer>>({
    start(control) {
      control.enqueue(bytes);
      control.close();
    },
  });
  const stream = packed.pipeThrough(new DecompressionStream("gzip"));
  return (await new Response(stream).json()) as Nodes;
}

/** What is to be unpacked, if there is anything. */
export function packedIn(workflow: Workflow | undefined): string {
  const { nodes, compressedNodes = "" } = workflow?.status ?? {};
  return nodes && Object.keys(nodes).length > 0 ? "" : compressedNodes;
}

/** True: the nodes are not in the object, only Argo's server can tell them. */
export function isAway(workflow: Workflow | undefined): boolean {
  const { nodes, offloadNodeStatusVersion } = workflow?.status ?? {};
  return Boolean(offloadNodeStatusVersion) && !(nodes && Object.keys(nodes).length > 0);
}
