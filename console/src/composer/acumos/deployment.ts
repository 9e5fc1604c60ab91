/** All objects of a composition, applied in their order; what stands in the way is told with the object's name. */

import { KubeError, apply } from "../../api/kube";
import { INFERENCE_GRAPH, INFERENCE_SERVICE, type Resource, object, resource } from "../../api/resources";
import { obj } from "../ports/read";
import type { Obj } from "./translation";

const KINDS: readonly Resource[] = [
  resource("v1", "configmaps", "ConfigMap"),
  resource("v1", "services", "Service"),
  resource("apps/v1", "deployments", "Deployment"),
  INFERENCE_SERVICE,
  INFERENCE_GRAPH,
];

export async function deploy(documents: readonly Obj[], namespace: string): Promise<void> {
  for (const document of documents) {
    const of = KINDS.find((each) => each.kind === document.kind);
    const meta = obj(document.metadata);
    if (!of) throw new Error(`${String(document.kind)} ${String(meta.name)} cannot be deployed from here`);
    try {
      await apply(object(of, namespace, String(meta.name)), { ...document, metadata: { ...meta, namespace } }, true);
    } catch (problem) {
      const { code, reason, message, causes } = KubeError.of(problem);
      throw new KubeError(code, reason, `${of.kind} ${String(meta.name)}: ${message}`, causes);
    }
  }
}

/** What answers for the whole: the orchestrator, or the graph that is named after its services. */
export function front(documents: readonly Obj[]): { name: string; graph: boolean } {
  const graph = documents.find((each) => each.kind === INFERENCE_GRAPH.kind);
  const found = graph ?? documents.find((each) => each.kind === INFERENCE_SERVICE.kind);
  return { name: String(obj(found?.metadata).name ?? ""), graph: graph !== undefined };
}
