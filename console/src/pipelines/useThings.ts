/** What a run of Pipelines is behind its name: a Workflow with its nodes, and the artifacts that these tell of. */

import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { workflowOfRun } from "../api/runs";
import { type Run as Work, useRun as useWorkflow } from "../workflows/run";
import { type Run, useArtifacts } from "./kfp";
import { type Thing, things } from "./things";

export interface Inside extends Work {
  /** undefined while it is looked for; null: its Workflow is gone. */
  place: { namespace: string; name: string } | null | undefined;
  things: Thing[];
}

/** Of a run whose Workflow is gone the record still knows its artifacts, without where they lie. */
export function useInside(run: Run | undefined): Inside {
  const id = run?.run_id ?? "";
  const { data: place } = useQuery({
    queryKey: ["workflow of", id],
    queryFn: async () => (await workflowOfRun(`#/runs/details/${id}`)) ?? null,
    enabled: id !== "",
    staleTime: 60_000,
  });
  const work = useWorkflow(place?.namespace ?? "", place?.name ?? "");
  const recorded = useArtifacts(place === null ? run : undefined).data;
  const { workflow, nodes, archived } = work;
  const found = useMemo(() => {
    if (!place || !workflow) return (recorded ?? []).map((a): Thing => ({ ...a, usedBy: [] }));
    return things(nodes, { namespace: place.namespace, id: archived ? workflow.metadata.uid : place.name, archived });
  }, [place, workflow, nodes, archived, recorded]);
  return { ...work, place, things: found };
}
