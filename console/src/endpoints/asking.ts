/**
 * Asking a model from this page. The gateway is another origin and allows none but its own, so a question goes
 * through the API server: the Service of the ingress gateway, proxied, and KServe's address by path.
 */

import { UNREACHABLE, KubeError } from "../api/kube";
import type { Json } from "./predict";

const INGRESS = "/api/v1/namespaces/istio-system/services/http:istio-ingressgateway:http2/proxy";

export function through(namespace: string, name: string, path: string): string {
  return `${INGRESS}/serving/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}${path}`;
}

export interface Answer {
  status: number;
  text: string;
  /** Undefined where it is no JSON. */
  json: unknown;
  /** Milliseconds, with the way through the API server. */
  took: number;
}

/** A refusal of the model's is an answer too; KubeError only where nobody answered. */
export async function ask(path: string, body: Json): Promise<Answer> {
  const began = performance.now();
  const init = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  let response: Response;
  try {
    response = await fetch(path, { ...init, credentials: "same-origin", redirect: "manual" });
  } catch {
    throw new KubeError(0, "Unreachable", UNREACHABLE);
  }
  const text = await response.text();
  return { status: response.status, text, json: parsed(text), took: performance.now() - began };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
