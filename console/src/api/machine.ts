/**
 * What the machine has and what of it is in use. Metrics cannot be watched, so they are asked for while somebody
 * looks; a server without the metrics API leaves `used` undefined.
 */

import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { quantity } from "../objects/quantity";
import { type Listed, get } from "./kube";
import { type Resource, collection, resource, useMany } from "./resources";
import type { Condition, KubeObject, Pod } from "./types";

export interface NodeObject extends KubeObject {
  status?: { allocatable?: Record<string, string>; capacity?: Record<string, string>; conditions?: Condition[] };
}

export interface NodeMetrics extends KubeObject {
  timestamp: string;
  usage: Record<string, string>;
}

export interface PodMetrics extends KubeObject {
  timestamp: string;
  containers: { name: string; usage: Record<string, string> }[];
}

export interface Share {
  used: number | undefined;
  all: number;
}

export interface Machine {
  /** Cores. */
  cpu: Share;
  /** Bytes. */
  memory: Share;
  /** By the resource's name, `nvidia.com/gpu`; `used` is what pods have asked for. */
  devices: { name: string; share: Share }[];
}

export const NODE = resource<NodeObject>("v1", "nodes", "Node", false);
export const NODE_METRICS: Resource<NodeMetrics> = resource("metrics.k8s.io/v1beta1", "nodes", "NodeMetrics", false);
export const POD_METRICS: Resource<PodMetrics> = resource("metrics.k8s.io/v1beta1", "pods", "PodMetrics");
export const EVERY = 2000;

const ALL_PODS = resource<Pod>("v1", "pods", "Pod");
const PLAIN = new Set(["cpu", "memory", "pods", "ephemeral-storage"]);
const ENDED = new Set(["Succeeded", "Failed"]);

export function useMachine(): Machine | undefined {
  const nodes = useMany(NODE);
  const pods = useMany(ALL_PODS, "", { fields: "status.phase!=Succeeded,status.phase!=Failed" });
  const { data } = useQuery({
    queryKey: ["node-metrics"],
    queryFn: ({ signal }) => get<Listed<NodeMetrics>>(collection(NODE_METRICS), signal),
    refetchInterval: (query) => (query.state.error ? false : EVERY),
  });
  return useMemo(
    () => (nodes.loaded && !nodes.error ? machine(nodes.items, data?.items ?? [], pods.items) : undefined),
    [nodes, data, pods.items],
  );
}

/** Of a cluster: the sum of its nodes. */
export function machine(nodes: NodeObject[], metrics: NodeMetrics[], pods: Pod[]): Machine {
  const all = total(nodes.map((node) => node.status?.allocatable ?? {}));
  const used = total(metrics.map((each) => each.usage));
  const asked = total(pods.filter((pod) => !ENDED.has(pod.status?.phase ?? "")).flatMap(requests));
  return {
    cpu: { used: used.get("cpu"), all: all.get("cpu") ?? 0 },
    memory: { used: used.get("memory"), all: all.get("memory") ?? 0 },
    devices: [...all]
      .filter(([name, amount]) => name.includes("/") && !PLAIN.has(name) && amount > 0)
      .map(([name, amount]) => ({ name, share: { used: asked.get(name) ?? 0, all: amount } })),
  };
}

function requests(pod: Pod): Record<string, string>[] {
  return pod.spec.containers.map((container) => container.resources?.requests ?? {});
}

function total(lists: Record<string, string>[]): Map<string, number> {
  const sums = new Map<string, number>();
  for (const list of lists)
    for (const [name, amount] of Object.entries(list)) sums.set(name, (sums.get(name) ?? 0) + (quantity(amount) ?? 0));
  return sums;
}
