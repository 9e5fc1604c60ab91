/** The few fields of Kubernetes' and Argo's objects that the console reads. */

export interface Meta {
  name: string;
  namespace?: string;
  uid: string;
  resourceVersion: string;
  creationTimestamp: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  generation?: number;
  deletionTimestamp?: string;
  ownerReferences?: { apiVersion: string; kind: string; name: string; uid: string; controller?: boolean }[];
}

export interface KubeObject {
  apiVersion?: string;
  kind?: string;
  metadata: Meta;
}

export interface KubeList<T> {
  metadata: { resourceVersion: string; continue?: string };
  items: T[];
}

export type Phase = "" | "Pending" | "Running" | "Succeeded" | "Failed" | "Error" | "Skipped" | "Omitted";

export interface Parameter {
  name: string;
  value?: unknown;
  description?: string;
  enum?: string[];
  valueFrom?: { supplied?: object; default?: string };
}

export interface Artifact {
  name: string;
  path?: string;
  s3?: { key?: string };
  raw?: { data: string };
}

export interface InOut {
  parameters?: Parameter[];
  artifacts?: Artifact[];
  result?: string;
  exitCode?: string;
}

export interface NodeStatus {
  id: string;
  name: string;
  displayName: string;
  type: string;
  templateName?: string;
  templateRef?: { name: string; template: string };
  phase?: Phase;
  boundaryID?: string;
  message?: string;
  startedAt?: string;
  finishedAt?: string;
  inputs?: InOut;
  outputs?: InOut;
  children?: string[];
  memoizationStatus?: { hit: boolean; key: string };
  /** How it goes in words, where it is no step that begins and ends. */
  said?: string;
}

export interface Template {
  name: string;
  inputs?: InOut;
  outputs?: InOut;
  [more: string]: unknown;
}

export interface WorkflowSpec {
  suspend?: boolean;
  entrypoint?: string;
  shutdown?: string;
  templates?: Template[];
  arguments?: InOut;
  workflowTemplateRef?: { name: string; clusterScope?: boolean };
}

export interface WorkflowTemplate extends KubeObject {
  spec: WorkflowSpec;
}

export interface CronWorkflow extends KubeObject {
  spec: { schedules?: string[]; schedule?: string; timezone?: string; suspend?: boolean; workflowSpec: WorkflowSpec };
  status?: {
    lastScheduledTime?: string;
    active?: { name: string }[];
    succeeded?: number;
    failed?: number;
    phase?: string;
    conditions?: Condition[];
  };
}

export interface Condition {
  type: string;
  status: string;
  reason?: string;
  message?: string;
  lastTransitionTime?: string;
}

export interface Pod extends KubeObject {
  spec: { containers: { name: string; image?: string; resources?: { requests?: Record<string, string> } }[]; nodeName?: string };
  status?: {
    phase?: string;
    reason?: string;
    message?: string;
    startTime?: string;
    conditions?: Condition[];
    containerStatuses?: { name: string; ready: boolean; restartCount: number; state?: Record<string, unknown> }[];
  };
}

export interface Workflow extends KubeObject {
  spec: WorkflowSpec;
  status?: {
    storedWorkflowTemplateSpec?: { templates?: Template[] };
    phase?: Phase;
    startedAt?: string;
    finishedAt?: string;
    message?: string;
    progress?: string;
    /** Where nodes are not served one by one: on a cluster, and in the archive. */
    nodes?: Record<string, NodeStatus>;
    /** On a cluster, once they are many: packed, or kept in the database of Argo's server. */
    compressedNodes?: string;
    offloadNodeStatusVersion?: string;
  };
}

/** How a node hangs in the run: below its parents, or after everything that ends what came before. */
export interface Links {
  parents?: string[];
  after?: string[];
  ends?: string[];
  order?: number;
}

export interface WorkflowNode extends KubeObject {
  links?: Links;
  status: NodeStatus;
}

/** One endpoint as the gateway's statistics tell it (`/pinnace/v1/endpoints`). */
export interface Endpoint {
  name: string;
  namespace: string;
  url: string;
  ready: boolean;
  message?: string;
  revisions: Revision[];
}

export interface Revision {
  name: string;
  weight: number;
  requests: number;
  errors: number;
  p50?: number | null;
  p95?: number | null;
  p99?: number | null;
  ready: boolean;
}
