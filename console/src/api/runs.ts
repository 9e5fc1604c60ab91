/** Where the links lead that the SDK of Kubeflow Pipelines prints: `#/runs/details/<id>` of the page's root. */

import { get, type Listed } from "./kube";
import type { KubeObject } from "./types";

const LINK = /^#?\/?runs\/details\/([0-9a-f-]+)/;

export async function workflowOfRun(hash: string): Promise<{ namespace: string; name: string } | undefined> {
  const id = LINK.exec(hash)?.[1];
  if (!id) return undefined;
  const selector = encodeURIComponent(`pipeline/runid=${id}`);
  const found = await get<Listed<KubeObject>>(`/apis/argoproj.io/v1alpha1/workflows?labelSelector=${selector}`);
  const meta = found.items[0]?.metadata;
  return meta?.namespace ? { namespace: meta.namespace, name: meta.name } : undefined;
}
