/** What the list says of a claim. */

import type { NotebookObject } from "../notebooks/kinds";
import { claims as mounted } from "../notebooks/state";
import { bytes, quantity } from "../objects/quantity";
import type { Claim, PodWithVolumes, StorageClass } from "./kinds";

export interface User {
  kind: "Pod" | "Notebook";
  name: string;
}

const ENDED = new Set(["Succeeded", "Failed"]);

/** By the claim's name: the notebooks that mount it, stopped ones too, and the live pods of everything else. */
export function users(pods: PodWithVolumes[], notebooks: NotebookObject[]): Map<string, User[]> {
  const found = new Map<string, User[]>();
  const add = (claim: string, user: User) => found.set(claim, [...(found.get(claim) ?? []), user]);
  for (const notebook of notebooks)
    for (const { claim } of mounted(notebook)) add(claim, { kind: "Notebook", name: notebook.metadata.name });
  for (const pod of pods) {
    if (ENDED.has(pod.status?.phase ?? "") || pod.metadata.labels?.["notebook-name"]) continue;
    for (const volume of pod.spec.volumes ?? [])
      if (volume.persistentVolumeClaim) add(volume.persistentVolumeClaim.claimName, { kind: "Pod", name: pod.metadata.name });
  }
  return found;
}

export function sizeOf(claim: Claim): string {
  return claim.status?.capacity?.storage ?? claim.spec.resources?.requests?.storage ?? "";
}

/** In the units in which what is used is told. */
export function roomOf(claim: Claim): string {
  const size = quantity(sizeOf(claim));
  return size === undefined ? sizeOf(claim) : bytes(size);
}

const SHORT: Record<string, string> = {
  ReadWriteOnce: "RWO", ReadOnlyMany: "ROX", ReadWriteMany: "RWX", ReadWriteOncePod: "RWOP",
};

/** As `kubectl` shortens them. */
export function modes(claim: Claim): string {
  return (claim.status?.accessModes ?? claim.spec.accessModes ?? []).map((mode) => SHORT[mode] ?? mode).join(", ");
}

const DEFAULT = "storageclass.kubernetes.io/is-default-class";

export function defaultClass(classes: StorageClass[]): string {
  return classes.find((each) => each.metadata.annotations?.[DEFAULT] === "true")?.metadata.name ?? "";
}

export interface ClaimForm {
  name: string;
  size: string;
  mode: string;
  className: string;
}

export function document({ name, size, mode, className }: ClaimForm, namespace: string): unknown {
  return {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { name, namespace },
    spec: {
      accessModes: [mode],
      resources: { requests: { storage: size } },
      ...(className ? { storageClassName: className } : {}),
    },
  };
}
