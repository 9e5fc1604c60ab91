/** The namespace in which the reader is: part of every page's path; the last one is where the next visit begins. */

import { useParams } from "@tanstack/react-router";
import { context, contextNamespace } from "../api/context";

/** Another cluster has other namespaces. */
const KEY = context ? `pinnace.namespace@${context}` : "pinnace.namespace";

export function lastNamespace(): string {
  return localStorage.getItem(KEY) ?? (contextNamespace || "default");
}

export function remember(namespace: string): void {
  localStorage.setItem(KEY, namespace);
}

export function useNamespace(): string {
  const { namespace } = useParams({ strict: false });
  return namespace ?? lastNamespace();
}
