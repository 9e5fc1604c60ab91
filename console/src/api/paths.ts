/** Where things are in the API, and names that follow upstream's rules. */

import type { NodeStatus } from "./types";

const ARGO = "/apis/argoproj.io/v1alpha1";

export function workflows(namespace: string, name?: string): string {
  const base = `${ARGO}/namespaces/${namespace}/workflows`;
  return name ? `${base}/${name}` : base;
}

export function nodes(namespace: string, workflow: string): string {
  const selector = encodeURIComponent(`workflows.argoproj.io/workflow=${workflow}`);
  return `/apis/pinnace.dev/v1/namespaces/${namespace}/workflownodes?labelSelector=${selector}`;
}

export function log(namespace: string, pod: string, container: string): string {
  return `/api/v1/namespaces/${namespace}/pods/${pod}/log?container=${container}&follow=true&tailLines=5000`;
}

export function endpoints(namespace: string): string {
  return `/pinnace/v1/endpoints?namespace=${namespace}`;
}

/** Upstream's pod names, version 2: the root's pod has the workflow's name, others add template and hash. */
export function podName(workflow: string, node: NodeStatus): string {
  if (node.id === workflow) return workflow;
  const template = node.templateRef?.template ?? node.templateName ?? "";
  return `${workflow}-${template}-${node.id.slice(workflow.length + 1)}`;
}
