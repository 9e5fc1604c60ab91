/** What the list says of a TensorBoard, and the document of a new one. */

import { resource } from "../api/resources";
import type { KubeObject } from "../api/types";
import type { Tone } from "../ui/Mark";

export interface Board extends KubeObject {
  spec: { logspath: string };
  status?: { readyReplicas?: number; conditions?: { deploymentState?: string; message?: string }[] };
}

export const TENSORBOARD = resource<Board>("tensorboard.kubeflow.org/v1alpha1", "tensorboards", "Tensorboard");

export function state(board: Board): { phase: string; tone: Tone } {
  if (board.metadata.deletionTimestamp) return { phase: "Terminating", tone: "quiet" };
  return (board.status?.readyReplicas ?? 0) > 0 ? { phase: "Ready", tone: "good" } : { phase: "Waiting", tone: "busy" };
}

export interface BoardForm {
  name: string;
  source: "volume" | "address";
  claim: string;
  folder: string;
  address: string;
}

export function logspath({ source, claim, folder, address }: BoardForm): string {
  const below = folder.split("/").filter(Boolean).join("/");
  return source === "address" ? address.trim() : `pvc://${claim}${below ? `/${below}` : ""}`;
}

export function document(form: BoardForm, namespace: string): unknown {
  return {
    apiVersion: TENSORBOARD.apiVersion,
    kind: TENSORBOARD.kind,
    metadata: { name: form.name, namespace },
    spec: { logspath: logspath(form) },
  };
}

/** The claim and folder of a path on a volume; undefined for every other address. */
export function onVolume(path: string): { claim: string; folder: string } | undefined {
  const found = /^pvc:\/\/([^/]+)\/?(.*)$/.exec(path);
  return found?.[1] ? { claim: found[1], folder: found[2] ?? "" } : undefined;
}
