/** What is in a namespace: counts of the kinds that people ask for, and how full its quotas are. */

import { INFERENCE_SERVICE, POD, WORKFLOW, resource } from "../api/resources";
import type { KubeObject } from "../api/types";
import { NOTEBOOK } from "../notebooks/kinds";
import { quantity } from "../objects/quantity";
import { CLAIM } from "../volumes/kinds";

export interface Namespace extends KubeObject {
  status?: { phase?: string };
}

export interface Quota extends KubeObject {
  status?: { hard?: Record<string, string>; used?: Record<string, string> };
}

export const NAMESPACE = resource<Namespace>("v1", "namespaces", "Namespace", false);
export const QUOTA = resource<Quota>("v1", "resourcequotas", "ResourceQuota");
export const COUNTED = [
  { of: WORKFLOW, one: "workflow", many: "workflows" },
  { of: INFERENCE_SERVICE, one: "endpoint", many: "endpoints" },
  { of: NOTEBOOK, one: "notebook", many: "notebooks" },
  { of: CLAIM, one: "volume", many: "volumes" },
  { of: POD, one: "pod", many: "pods" },
];

/** By the namespace's name. */
export function counts(items: Iterable<KubeObject>): Map<string, number> {
  const found = new Map<string, number>();
  for (const { metadata } of items) found.set(metadata.namespace ?? "", (found.get(metadata.namespace ?? "") ?? 0) + 1);
  return found;
}

export function words(numbers: number[]): string {
  const told = COUNTED.flatMap(({ one, many }, i) => (numbers[i] ? [`${numbers[i]} ${numbers[i] === 1 ? one : many}`] : []));
  return told.join(", ");
}

export interface Limit {
  name: string;
  used: string;
  hard: string;
  share: number;
}

export function limits(quotas: Quota[]): Limit[] {
  return quotas.flatMap(({ status }) =>
    Object.entries(status?.hard ?? {}).map(([name, hard]) => {
      const used = status?.used?.[name] ?? "0";
      return { name, used, hard, share: (quantity(used) ?? 0) / (quantity(hard) || 1) };
    }),
  );
}

const NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;

export function unfit(name: string, known: string[]): string | undefined {
  if (!NAME.test(name) || name.length > 63) return "lower case letters, digits and '-', at most 63";
  return known.includes(name) ? "there is one of this name" : undefined;
}
