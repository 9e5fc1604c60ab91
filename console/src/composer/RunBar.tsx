/** The run that the drawing shows: how it goes, and the way to all about it. */

import { Link } from "@tanstack/react-router";
import { X } from "lucide-react";
import { useMemo } from "react";
import { useLive } from "../api/live";
import * as paths from "../api/paths";
import { WORKFLOW, collection } from "../api/resources";
import type { NodeStatus, Workflow, WorkflowNode } from "../api/types";
import { IconButton } from "../ui/Button";
import { Mark } from "../ui/Mark";
import { Duration } from "../ui/time";
import { useServed } from "../api/served";
import { Family } from "../workflows/family";
import { WORKFLOW_NODE } from "../workflows/run";
import { RunAsks } from "./RunAsks";

export interface RunHere {
  workflow: Workflow | undefined;
  nodes: ReadonlyMap<string, NodeStatus>;
  gone: boolean;
}

/** Live; nothing is asked while no run is shown. */
export function useRunHere(namespace: string, name: string | undefined): RunHere {
  const served = useServed(WORKFLOW_NODE);
  const found = useLive<Workflow>(name ? collection(WORKFLOW, namespace, { fields: `metadata.name=${name}` }) : null);
  const live = useLive<WorkflowNode>(name && served ? paths.nodes(namespace, name) : null);
  const workflow = [...found.items.values()][0];
  const own = workflow?.status?.nodes;
  const nodes = useMemo(() => (own ? new Map(Object.entries(own)) : new Family().update(live.items.values())), [own, live.items]);
  return { workflow, nodes, gone: found.loaded && !workflow };
}

export function RunBar({ namespace, name, run, onClose }: { namespace: string; name: string; run: RunHere; onClose: () => void }) {
  const status = run.workflow?.status;
  return (
    <div className="run-bar" role="status" aria-label="The run that is shown">
      <Link to="/$namespace/workflows/$name" params={{ namespace, name }}>
        {name}
      </Link>
      {run.gone ? (
        <span className="dim">is gone</span>
      ) : (
        <>
          <Mark phase={status?.phase} />
          <Duration from={status?.startedAt} to={status?.finishedAt} />
          <span className="number dim">{status?.progress === "0/0" ? "" : status?.progress}</span>
          {status?.message ? <span className="message">{status.message}</span> : null}
          <RunAsks run={run} />
        </>
      )}
      <IconButton label="Back to drawing" Icon={X} onClick={onClose} />
    </div>
  );
}
