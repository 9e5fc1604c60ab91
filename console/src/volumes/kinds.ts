import { resource } from "../api/resources";
import type { KubeObject, Pod } from "../api/types";

export interface Claim extends KubeObject {
  spec: {
    accessModes?: string[];
    storageClassName?: string;
    volumeName?: string;
    resources?: { requests?: { storage?: string } };
  };
  status?: { phase?: string; accessModes?: string[]; capacity?: { storage?: string } };
}

export interface StorageClass extends KubeObject {
  provisioner: string;
}

export interface PodWithVolumes extends Pod {
  spec: Pod["spec"] & { volumes?: { persistentVolumeClaim?: { claimName: string } }[] };
}

export const CLAIM = resource<Claim>("v1", "persistentvolumeclaims", "PersistentVolumeClaim");
export const STORAGE_CLASS = resource<StorageClass>("storage.k8s.io/v1", "storageclasses", "StorageClass", false);
export const PODS = resource<PodWithVolumes>("v1", "pods", "Pod");
