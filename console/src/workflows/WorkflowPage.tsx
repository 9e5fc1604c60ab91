import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useMemo } from "react";
import * as paths from "../api/paths";
import type { NodeStatus, Workflow, WorkflowNode } from "../api/types";
import { useLive } from "../api/live";
import { WORKFLOW, useOne } from "../api/resources";
import { Page } from "../ui/Page";
import "./workflows.css";
import { Mark } from "../ui/Mark";
import { Empty, Problem } from "../ui/notes";
import { Duration } from "../ui/time";
import { Graph } from "./Graph";
import { family } from "./family";
import { NodePanel } from "./NodePanel";

export function WorkflowPage() {
  const { namespace, name } = useParams({ from: "/$namespace/workflows/$name" });
  const { node: chosen } = useSearch({ from: "/$namespace/workflows/$name" });
  const navigate = useNavigate({ from: "/$namespace/workflows/$name" });
  const found = useOne(WORKFLOW, namespace, name);
  const live = useLive<WorkflowNode>(paths.nodes(namespace, name));
  const nodes = useMemo(() => family(live.items.values()), [live.items]);
  const workflow = found.item;
  const error = found.error ?? live.error;
  if (error) return <Problem error={error} />;
  if (found.loaded && !workflow)
    return (
      <Empty title={`There is no workflow ${name} in ${namespace}`}>
        <Link to="/$namespace/workflows" params={{ namespace }}>
          Back to the list
        </Link>
      </Empty>
    );
  const shown = nodes.get(chosen ?? "") ?? waiting(nodes);
  return (
    <Page
      full
      title={name}
      crumbs={
        <Link to="/$namespace/workflows" params={{ namespace }}>
          Workflows
        </Link>
      }
      facts={
        <>
          <Mark phase={workflow?.status?.phase} />
          <Duration from={workflow?.status?.startedAt} to={workflow?.status?.finishedAt} />
          <span className="number">{progress(workflow)}</span>
        </>
      }
    >
      {workflow?.status?.message ? <p className="problem">{workflow.status.message}</p> : null}
      <div className="run-body">
        <div className="canvas" aria-label="Graph of the run">
          <Graph
            nodes={nodes}
            selected={shown?.id}
            onSelect={(id) => void navigate({ search: { node: id }, replace: true })}
          />
        </div>
        {workflow && shown ? <NodePanel workflow={workflow} node={shown} /> : <StepList nodes={nodes} />}
      </div>
    </Page>
  );
}

/** Before the first step there is nothing to count. */
function progress(workflow: Workflow | undefined): string {
  const text = workflow?.status?.progress ?? "";
  return text === "0/0" ? "" : text;
}

/** Without a choice of the reader's, what waits for a person is what matters. */
function waiting(nodes: Map<string, NodeStatus>): NodeStatus | undefined {
  return [...nodes.values()].find((n) => n.type === "Suspend" && n.phase === "Running");
}

/** The same graph as a list: for screen readers, and until something is chosen. */
function StepList({ nodes }: { nodes: Map<string, NodeStatus> }) {
  const steps = [...nodes.values()].filter((n) => !["StepGroup", "TaskGroup"].includes(n.type)).slice(0, 300);
  return (
    <aside className="panel">
      <h2>Steps</h2>
      <p className="dim">Choose a step to see its inputs, outputs and log.</p>
      <ul className="steps">
        {steps.map((n) => (
          <li key={n.id}>
            <Link from="/$namespace/workflows/$name" search={{ node: n.id }} to=".">
              <Mark phase={n.phase} label={false} /> {n.displayName}
            </Link>
            <Duration from={n.startedAt} to={n.finishedAt} />
          </li>
        ))}
      </ul>
    </aside>
  );
}
