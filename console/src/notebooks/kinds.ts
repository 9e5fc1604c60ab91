/** Notebooks of Kubeflow as this area reads them. */

import { resource } from "../api/resources";
import type { Condition, KubeObject } from "../api/types";

export interface Mount {
  name: string;
  mountPath: string;
}

export interface Volume {
  name: string;
  persistentVolumeClaim?: { claimName: string };
  emptyDir?: { medium?: string };
}

export interface Container {
  name: string;
  image?: string;
  imagePullPolicy?: string;
  resources?: { requests?: Record<string, string>; limits?: Record<string, string> };
  volumeMounts?: Mount[];
}

export interface NotebookObject extends KubeObject {
  spec: { template: { spec: { containers: Container[]; volumes?: Volume[]; serviceAccountName?: string } } };
  status?: {
    readyReplicas?: number;
    conditions?: Condition[];
    containerState?: { running?: { startedAt?: string }; waiting?: Reason; terminated?: Reason };
  };
}

interface Reason {
  reason?: string;
  message?: string;
}

export interface PodDefault extends KubeObject {
  spec: { desc?: string; selector?: { matchLabels?: Record<string, string> } };
}

export const NOTEBOOK = resource<NotebookObject>("kubeflow.org/v1", "notebooks", "Notebook");
export const POD_DEFAULT = resource<PodDefault>("kubeflow.org/v1alpha1", "poddefaults", "PodDefault");

export const STOPPED = "kubeflow-resource-stopped";
export const LAST_ACTIVITY = "notebooks.kubeflow.org/last-activity";
export const SERVER_TYPE = "notebooks.kubeflow.org/server-type";
export const OF_NOTEBOOK = "notebook-name";
/** Minutes without use after which this one is stopped. */
export const CULLED = "pinnace.dev/cull-idle-time";
