/** One run: what failed is said first; the graph, the timeline or the list beside what one step says. */

import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import type { KubeError } from "../api/kube";
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
import { StepLink, StepList } from "./StepList";
import { Timeline } from "./Timeline";
import { members } from "./graph";
import { isAway } from "./packing";
import type { RunSearch } from "./routes";
import { type Run, useRun } from "./run";
import { finished } from "./steering";
import { culprit, stuck, waiting } from "./story";
import "./workflows.css";

/** Views that are about the whole run, and need its whole width. */
const WHOLE = new Set(["inputs", "events", "yaml"]);

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
  if (run.error) return <Broken namespace={namespace} name={name} error={run.error} />;
  if (run.loaded && !run.workflow) return <Absent namespace={namespace} name={name} />;
  return <Known run={run} namespace={namespace} name={name} />;
}

function Broken({ namespace, name, error }: { namespace: string; name: string; error: KubeError }) {
  return (
    <Page title={name} crumbs={<Back namespace={namespace} />}>
      <Problem error={error} />
    </Page>
  );
}

function Back({ namespace }: { namespace: string }) {
  return (
    <Link to="/$namespace/workflows" params={{ namespace }}>
      Workflows
    </Link>
  );
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

/** What of the run matters now: why it failed, what cannot begin, the step that is looked at. */
interface Focus {
  cause: NodeStatus | undefined;
  held: NodeStatus | undefined;
  shown: NodeStatus | undefined;
}

function focusOf({ workflow, nodes }: Run, wanted: string | undefined): Focus {
  const phase = workflow?.status?.phase;
  const cause = phase === "Failed" || phase === "Error" ? culprit(nodes) : undefined;
  const held = finished(workflow) || workflow?.spec.suspend ? undefined : stuck(nodes);
  return { cause, held, shown: wanted ? nodes.get(wanted) : (cause ?? waiting(nodes) ?? held) };
}

function Known({ run, namespace, name }: { run: Run; namespace: string; name: string }) {
  const search = useSearch({ from: "/$namespace/workflows/$name" });
  const navigate = useNavigate({ from: "/$namespace/workflows/$name" });
  const go = (part: RunSearch) => void navigate({ search: { ...search, ...part }, replace: true });
  const { workflow, nodes } = run;
  const view = VIEWS.find(([key]) => key === search.view)?.[0] ?? "graph";
  const focus = focusOf(run, search.node);
  const beside = !WHOLE.has(view) && Boolean(focus.shown || search.node);
  return (
    <Page
      full
      title={name}
      crumbs={<Back namespace={namespace} />}
      facts={<RunFacts run={run} />}
      actions={workflow ? <RunActions workflow={workflow} archived={run.archived} /> : null}
    >
      {workflow ? <Notes workflow={workflow} focus={focus} /> : null}
      <nav className="run-views" aria-label="Views of the run">
        {VIEWS.map(([key, label]) => (
          <button key={key} type="button" aria-current={key === view ? "page" : undefined} onClick={() => go({ view: key })}>
            {label}
          </button>
        ))}
      </nav>
      <div className={beside ? "run-body" : "run-body run-whole"}>
        <div className="run-view">
          <View view={view} run={run} selected={search.node ?? focus.shown?.id} onSelect={(node) => go({ node })} />
        </div>
        {beside && workflow && focus.shown ? (
          <NodePanel
            workflow={workflow}
            node={focus.shown}
            archived={run.archived}
            toldAbove={focus.shown === focus.cause || focus.shown === focus.held}
            tab={search.tab}
            container={search.container}
            onTab={(tab) => go({ tab, node: focus.shown?.id ?? "" })}
            onContainer={(container) => go({ container, node: focus.shown?.id ?? "" })}
          />
        ) : beside && search.node ? (
          <Fan id={search.node} members={members(nodes, search.node)} />
        ) : null}
      </div>
    </Page>
  );
}

/** Before everything else: why it failed, why it does not go on, why its steps are not seen. */
function Notes({ workflow, focus }: { workflow: Workflow; focus: Focus }) {
  const phase = workflow.status?.phase;
  return (
    <>
      {phase === "Failed" || phase === "Error" ? <Failure workflow={workflow} node={focus.cause} /> : null}
      {workflow.spec.suspend && !finished(workflow) ? <p className="run-note">Suspended: nothing new begins until it is resumed.</p> : null}
      {focus.held ? <Held node={focus.held} /> : null}
      {isAway(workflow) ? (
        <p className="run-note">
          The steps of this run lie in the database of Argo's server, where only its own console and{" "}
          <code>argo get {workflow.metadata.name}</code> see them.
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
      return <div className="run-pad">{workflow ? <Yaml of={WORKFLOW} item={workflow} readOnly={run.archived} /> : null}</div>;
    default:
      return nodes.size || !run.loaded ? <Graph nodes={nodes} selected={selected} onSelect={onSelect} /> : <NoStep workflow={workflow} />;
  }
}

function NoStep({ workflow }: { workflow: Workflow | undefined }) {
  if (isAway(workflow)) return null;
  if (finished(workflow)) return <Empty title="No step ran">It was refused before its first step. The YAML shows the document as it was sent.</Empty>;
  return <Empty title="No step has begun yet">{workflow?.spec.suspend ? "Resume it above, and its first step begins." : "The first one appears here."}</Empty>;
}

function Arguments({ workflow, nodes }: { workflow: Workflow; nodes: Map<string, NodeStatus> }) {
  return (
    <div className="run-pad">
      <Side title="Arguments" level={2} data={workflow.spec.arguments} />
      <Side title="Outputs" level={2} data={nodes.get(workflow.metadata.name)?.outputs} />
    </div>
  );
}

/** A step that cannot begin says why, and what would help. */
function Held({ node }: { node: NodeStatus }) {
  return (
    <section className="run-note" aria-label="What it waits for">
      <p>
        <StepLink node={node} /> <strong>does not begin:</strong>
      </p>
      <pre>{node.message}</pre>
    </section>
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
