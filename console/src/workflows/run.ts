/** One run as it stands: live nodes where they are served, the status's own elsewhere, the archive when it is gone. */

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useMemo, useRef } from "react";
import type { KubeError } from "../api/kube";
import { useLive } from "../api/live";
import * as paths from "../api/paths";
import { WORKFLOW, resource, useOne } from "../api/resources";
import { useServed } from "../api/served";
import type { NodeStatus, Workflow, WorkflowNode } from "../api/types";
import { Family } from "./family";
import { type Nodes, packedIn, unpack } from "./packing";
import { archived } from "./steering";

export const WORKFLOW_NODE = resource<WorkflowNode>("pinnace.dev/v1", "workflownodes", "WorkflowNode");

export interface Run {
  workflow: Workflow | undefined;
  nodes: Map<string, NodeStatus>;
  loaded: boolean;
  error: KubeError | null;
  archived: boolean;
}

/** With an empty name nothing is asked. */
export function useRun(namespace: string, name: string): Run {
  const found = useOne(WORKFLOW, namespace, name);
  const served = useServed(WORKFLOW_NODE);
  // Asked for before it is known whether they are served one by one: where they are not, the answer is not looked at.
  const live = useLive<WorkflowNode>(served === false || !name ? null : paths.nodes(namespace, name));
  const gone = found.loaded && !found.error && !found.item;
  const old = useQuery({
    queryKey: ["archived", namespace, name],
    queryFn: ({ signal }) => archived(namespace, name, signal),
    enabled: gone,
    retry: false,
  });
  const related = useRef<{ of: string; family: Family }>({ of: "", family: new Family() });
  const path = `${namespace}/${name}`;
  const workflow = found.item ?? (gone ? old.data : undefined);
  const unpacked = useUnpacked(workflow);
  const nodes = useMemo(() => {
    if (related.current.of !== path) related.current = { of: path, family: new Family() };
    const own = unpacked ?? workflow?.status?.nodes;
    return own ? new Map(Object.entries(own)) : related.current.family.update(live.items.values());
  }, [live.items, path, unpacked, workflow?.status?.nodes]);
  const pending = !found.loaded || (gone && old.isPending) || (found.item !== undefined && served === undefined);
  return { workflow, nodes, loaded: !pending, error: found.error ?? (served ? live.error : null), archived: found.item === undefined && workflow !== undefined };
}

/** The last ones stay until the next are read: a run that goes on does not flicker. */
function useUnpacked(workflow: Workflow | undefined): Nodes | undefined {
  const words = packedIn(workflow);
  const { data } = useQuery({
    queryKey: ["unpacked", workflow?.metadata.uid, workflow?.metadata.resourceVersion],
    queryFn: () => unpack(words),
    enabled: words !== "",
    placeholderData: keepPreviousData,
    gcTime: 0,
  });
  return words ? data : undefined;
}
