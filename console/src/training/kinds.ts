/** Kubeflow's training kinds, as far as these pages read them. What differs between them stands in one table. */

import { type Resource, resource } from "../api/resources";
import type { Condition, KubeObject } from "../api/types";

export interface ReplicaSpec {
  replicas?: number;
  restartPolicy?: string;
}

export interface TrainingJob extends KubeObject {
  spec: {
    suspend?: boolean;
    runPolicy?: { suspend?: boolean; cleanPodPolicy?: string; backoffLimit?: number };
    runtimeRef?: { name: string; kind?: string };
    trainer?: { numNodes?: number; image?: string };
    replicatedJobs?: { name: string; replicas?: number; template?: { spec?: { parallelism?: number } } }[];
    [specs: string]: unknown;
  };
  status?: {
    conditions?: Condition[];
    startTime?: string;
    completionTime?: string;
    replicaStatuses?: Record<string, { active?: number; succeeded?: number; failed?: number }>;
    jobsStatus?: { name: string; active?: number; succeeded?: number; failed?: number; ready?: number }[];
    trainerStatus?: { progressPercentage?: number; estimatedRemainingSeconds?: number };
  };
}

export interface Family {
  of: Resource<TrainingJob>;
  /** The word in its page's address. */
  slug: string;
  framework: string;
  /** The field with the replicas' specs; empty: the runtime has them. */
  specs: string;
}

const V1 = "kubeflow.org/v1";

function family(kind: string, framework: string, specs: string, apiVersion = V1, slug = kind.toLowerCase()): Family {
  return { of: resource<TrainingJob>(apiVersion, `${kind.toLowerCase()}s`, kind), slug, framework, specs };
}

export const PYTORCH = family("PyTorchJob", "PyTorch", "pytorchReplicaSpecs");
export const TF = family("TFJob", "TensorFlow", "tfReplicaSpecs");
export const XGBOOST = family("XGBoostJob", "XGBoost", "xgbReplicaSpecs");
export const PADDLE = family("PaddleJob", "PaddlePaddle", "paddleReplicaSpecs");
export const JAX = family("JAXJob", "JAX", "jaxReplicaSpecs");
export const MPI = family("MPIJob", "MPI", "mpiReplicaSpecs");
export const MPI2 = family("MPIJob", "MPI v2", "mpiReplicaSpecs", "kubeflow.org/v2beta1", "mpijob-v2beta1");
export const TRAIN = family("TrainJob", "by runtime", "", "trainer.kubeflow.org/v1alpha1");

export const JOBSET = family("JobSet", "any", "", "jobset.x-k8s.io/v1alpha2");

/** Of an MPIJob that both versions list, the later one is shown. */
export const FAMILIES: readonly Family[] = [PYTORCH, TF, XGBOOST, PADDLE, JAX, MPI2, MPI, TRAIN, JOBSET];
