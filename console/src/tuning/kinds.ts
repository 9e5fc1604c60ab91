/** Katib's objects, as far as these pages read them. */

import { resource } from "../api/resources";
import type { Condition, KubeObject } from "../api/types";

export interface Assignment {
  name: string;
  value: string;
}

export interface Observed {
  name: string;
  latest?: string;
  min?: string;
  max?: string;
}

export interface Objective {
  type?: "maximize" | "minimize";
  goal?: number;
  objectiveMetricName?: string;
  additionalMetricNames?: string[];
  metricStrategies?: { name: string; value: "min" | "max" | "latest" }[];
}

export interface ParameterSpec {
  name: string;
  parameterType: "double" | "int" | "categorical" | "discrete";
  feasibleSpace: { min?: string; max?: string; list?: string[]; step?: string; distribution?: string };
}

export interface TrialTemplate {
  primaryContainerName?: string;
  trialParameters?: { name: string; reference: string; description?: string }[];
  trialSpec?: object;
  retain?: boolean;
  [more: string]: unknown;
}

export interface Experiment extends KubeObject {
  spec: {
    objective?: Objective;
    algorithm?: { algorithmName?: string; algorithmSettings?: Assignment[] };
    earlyStopping?: { algorithmName?: string; algorithmSettings?: Assignment[] };
    resumePolicy?: "Never" | "LongRunning" | "FromVolume";
    trialTemplate?: TrialTemplate;
    parameters?: ParameterSpec[];
    parallelTrialCount?: number;
    maxTrialCount?: number;
    maxFailedTrialCount?: number;
  };
  status?: {
    conditions?: Condition[];
    startTime?: string;
    completionTime?: string;
    trials?: number;
    trialsSucceeded?: number;
    trialsRunning?: number;
    trialsFailed?: number;
    trialsPending?: number;
    trialsKilled?: number;
    trialsEarlyStopped?: number;
    trialMetricsUnavailable?: number;
    currentOptimalTrial?: { bestTrialName?: string; observation?: { metrics?: Observed[] }; parameterAssignments?: Assignment[] };
  };
}

export interface Trial extends KubeObject {
  spec: { objective?: Objective; parameterAssignments?: Assignment[]; runSpec?: { kind?: string; apiVersion?: string }; retainRun?: boolean };
  status?: {
    conditions?: Condition[];
    startTime?: string;
    completionTime?: string;
    observation?: { metrics?: Observed[] };
  };
}

export const EXPERIMENT = resource<Experiment>("kubeflow.org/v1beta1", "experiments", "Experiment");
export const TRIAL = resource<Trial>("kubeflow.org/v1beta1", "trials", "Trial");

export function trialsOf(experiment: string): string {
  return `katib.kubeflow.org/experiment=${experiment}`;
}
