/** One run: what failed is said first; the graph, the timeline or the list beside what one step says. */

import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { WORKFLOW } from "../api/resources";
import type { NodeStatus, Workflow } from "../api/types";
import { Events } from "../objects/Events";
import { Yaml } from "../objects/Yaml";
import { Mark } from "../ui/Mark";
import { Page } from "../ui/Page";
import { Empty, Problem } from "../ui/notes";
import { Duration } from "../ui/time";
import { Failure } from "./Failure";
import { Fan } from "./Fan";
import { Graph } from "./Graph";
import { Side } from "./InsAndOuts";
import { NodePanel } from "./NodePanel";
import { RunActions } from "./RunActions";
import { StepList } from "./StepList";
import { Timeline } from "./Timeline";
import { members } from "./graph";
import { isAway } from "./packing";
import type { RunSearch } from "./routes";
import { type Run, useRun } from "./run";
import { finished } from "./steering";
import { culprit, waiting } from "./story";
import "./workflows.css";

const VIEWS = [
  ["graph", "Graph"],
  ["timeline", "Timeline"],
  ["steps", "Steps"],
  ["inputs", "Arguments"],
  ["events", "Events"],
  ["yaml", "YAML"],
] as const;

export function WorkflowPage() {
  const { namespace, name } = useParams({ from: "/$namespace/workflows/$name" });
  const run = useRun(namespace, name);
  if (run.error) return <Problem error={run.error} />;
  if (run.loaded && !run.workflow) return <Absent namespace={namespace} name={name} />;
  return <Known run={run} namespace={namespace} name={name} />;
}

function Absent({ namespace, name }: { namespace: string; name: string }) {
  return (
    <Empty title={`There is no workflow ${name} in ${namespace}`} level={1}>
      <Link to="/$namespace/workflows" params={{ namespace }}>
        Back to the list
      </Link>
    </Empty>
  );
}

function Known({ run, namespace, name }: { run: Run; namespace: string; name: string }) {
  const search = useSearch({ from: "/$namespace/workflows/$name" });
  const navigate = useNavigate({ from: "/$namespace/workflows/$name" });
  const go = (part: RunSearch) => void navigate({ search: { ...search, ...part }, replace: true });
  const { workflow, nodes } = run;
  const view = VIEWS.find(([key]) => key === search.view)?.[0] ?? "graph";
  const bad = workflow?.status?.phase === "Failed" || workflow?.status?.phase === "Error";
  const cause = bad ? culprit(nodes) : undefined;
  const shown = nodes.get(search.node ?? "") ?? (search.node ? undefined : (cause ?? waiting(nodes)));
  return (
    <Page
      full
      title={name}
      crumbs={
        <Link to="/$namespace/workflows" params={{ namespace }}>
          Workflows
        </Link>
      }
      facts={<RunFacts run={run} />}
      actions={workflow ? <RunActions workflow={workflow} archived={run.archived} /> : null}
    >
      {workflow && bad ? <Failure workflow={workflow} node={cause} /> : null}
      <Notes workflow={workflow} />
      <nav className="run-views" aria-label="Views of the run">
        {VIEWS.map(([key, label]) => (
          <button key={key} type="button" aria-current={key === view ? "page" : undefined} onClick={() => go({ view: key })}>
            {label}
          </button>
        ))}
      </nav>
      <div className={shown || search.node ? "run-body" : "run-body run-whole"}>
        <div className="run-view">
          <View view={view} run={run} selected={search.node ?? shown?.id} onSelect={(node) => go({ node })} />
        </div>
        {workflow && shown ? (
          <NodePanel
            workflow={workflow}
            node={shown}
            archived={run.archived}
            tab={search.tab}
            container={search.container}
            onTab={(tab) => go({ tab, node: shown.id })}
            onContainer={(container) => go({ container, node: shown.id })}
          />
        ) : search.node ? (
          <Fan id={search.node} members={members(nodes, search.node)} />
        ) : null}
      </div>
    </Page>
  );
}

function Notes({ workflow }: { workflow: Workflow | undefined }) {
  return (
    <>
      {workflow?.spec.suspend ? <p className="warning run-note">Suspended: nothing new begins until it is resumed.</p> : null}
      {isAway(workflow) ? (
        <p className="warning run-note">
          The steps of this run lie in the database of Argo's server, where only its own console and{" "}
          <code>argo get {workflow?.metadata.name}</code> see them.
        </p>
      ) : null}
    </>
  );
}

function View(props: { view: string; run: Run; selected: string | undefined; onSelect: (id: string) => void }) {
  const { view, run, selected, onSelect } = props;
  const { workflow, nodes } = run;
  switch (view) {
    case "timeline":
      return <Timeline nodes={nodes} running={!finished(workflow)} selected={selected} onSelect={onSelect} />;
    case "steps":
      return <StepList nodes={nodes} selected={selected} />;
    case "inputs":
      return workflow ? <Arguments workflow={workflow} nodes={nodes} /> : null;
    case "events":
      return (
        <div className="run-pad">{workflow ? <Events namespace={workflow.metadata.namespace ?? ""} kind="Workflow" name={workflow.metadata.name} /> : null}</div>
      );
    case "yaml":
      return <div className="run-pad run-yaml">{workflow ? <Yaml of={WORKFLOW} item={workflow} readOnly={run.archived} /> : null}</div>;
    default:
      return <Graph nodes={nodes} selected={selected} onSelect={onSelect} />;
  }
}

function Arguments({ workflow, nodes }: { workflow: Workflow; nodes: Map<string, NodeStatus> }) {
  return (
    <div className="run-pad">
      <Side title="Arguments" data={workflow.spec.arguments} />
      <Side title="Outputs" data={nodes.get(workflow.metadata.name)?.outputs} />
    </div>
  );
}

function RunFacts({ run: { workflow, archived } }: { run: Run }) {
  const { status, spec } = workflow ?? {};
  const progress = status?.progress === "0/0" ? "" : status?.progress;
  return (
    <>
      <Mark phase={status?.phase} />
      <Duration from={status?.startedAt} to={status?.finishedAt} />
      <span className="number">{progress}</span>
      {spec?.workflowTemplateRef ? <span>of {spec.workflowTemplateRef.name}</span> : null}
      {archived ? <span className="badge">from the archive</span> : null}
    </>
  );
}
