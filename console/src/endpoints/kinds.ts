/** The fields of KServe's objects that these pages read. */

import { resource } from "../api/resources";
import type { Condition, KubeObject } from "../api/types";

export type Part = "predictor" | "transformer" | "explainer";
export const PARTS: readonly Part[] = ["predictor", "transformer", "explainer"];

export interface Target {
  revisionName: string;
  percent?: number;
  latestRevision?: boolean;
  tag?: string;
  url?: string;
}

export interface ComponentStatus {
  traffic?: Target[];
  latestCreatedRevision?: string;
  latestReadyRevision?: string;
  latestRolledoutRevision?: string;
  previousRolledoutRevision?: string;
  url?: string;
}

export interface Model {
  modelFormat?: { name: string; version?: string };
  storageUri?: string;
  protocolVersion?: string;
  runtime?: string;
}

export interface Component {
  canaryTrafficPercent?: number;
  minReplicas?: number;
  maxReplicas?: number;
  scaleTarget?: number;
  scaleMetric?: string;
  model?: Model;
  [more: string]: unknown;
}

/** A canary of Standard mode. */
export interface Variant {
  trafficPercent?: number;
  predictor?: { name?: string; model?: Model };
}

export interface InferenceService extends KubeObject {
  spec: Partial<Record<Part, Component>> & { canary?: Variant[] };
  status?: {
    url?: string;
    conditions?: Condition[];
    components?: Partial<Record<Part, ComponentStatus>>;
    deploymentMode?: string;
    modelStatus?: {
      transitionStatus?: string;
      states?: { activeModelState?: string; targetModelState?: string };
      copies?: { failedCopies?: number; totalCopies?: number };
      lastFailureInfo?: { reason?: string; message?: string; location?: string };
    };
  };
}

export interface Step {
  name?: string;
  serviceName?: string;
  nodeName?: string;
  serviceUrl?: string;
  data?: string;
  condition?: string;
  dependency?: string;
  weight?: number;
}

export interface InferenceGraph extends KubeObject {
  spec: { nodes: Record<string, { routerType: string; steps?: Step[] }> };
  status?: { url?: string; conditions?: Condition[] };
}

export const SERVICE = resource<InferenceService>("serving.kserve.io/v1beta1", "inferenceservices", "InferenceService");
export const GRAPH = resource<InferenceGraph>("serving.kserve.io/v1alpha1", "inferencegraphs", "InferenceGraph");

export const MODE = "serving.kserve.io/deploymentMode";

export function standard(service: InferenceService): boolean {
  const mode = service.status?.deploymentMode ?? service.metadata.annotations?.[MODE] ?? "";
  return mode === "Standard" || mode === "RawDeployment";
}

/** The condition that says it all. */
export function readiness(conditions: Condition[] | undefined): Condition | undefined {
  return conditions?.find((c) => c.type === "Ready");
}

/** `sklearn`, or the first container's image where there is no model. */
export function format(service: InferenceService): string {
  const predictor = service.spec.predictor ?? {};
  const model = predictor.model?.modelFormat;
  if (model) return [model.name, model.version].filter(Boolean).join(" ");
  const containers = predictor.containers as { image?: string }[] | undefined;
  return containers?.[0]?.image ?? Object.keys(predictor).find((key) => holdsModel(predictor[key])) ?? "";
}

function holdsModel(value: unknown): boolean {
  return typeof value === "object" && value !== null && "storageUri" in value;
}

/** Where the predictor's model lies, in the form of today or in an older one. */
export function storage(service: InferenceService): string {
  const predictor = service.spec.predictor ?? {};
  const held = Object.values(predictor).find(holdsModel) as Model | undefined;
  return held?.storageUri ?? "";
}
