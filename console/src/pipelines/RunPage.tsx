/** One run: why it failed, its graph and timeline with what each task says, what it measured and left. */

import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { Copy as Clone } from "lucide-react";
import { type ReactNode, useMemo } from "react";
import { stringify } from "yaml";
import * as paths from "../api/paths";
import type { NodeStatus, Workflow } from "../api/types";
import { useNamespace } from "../app/namespace";
import { useLastLines } from "../logs/last";
import { Events } from "../objects/Events";
import { Code } from "../ui/Code";
import { Facts } from "../ui/Facts";
import { Mark } from "../ui/Mark";
import { Page } from "../ui/Page";
import { type Column, Table } from "../ui/Table";
import { Duration, useNow } from "../ui/time";
import { Fan } from "../workflows/Fan";
import { Graph } from "../workflows/Graph";
import { Timeline } from "../workflows/Timeline";
import { members } from "../workflows/graph";
import { culprit } from "../workflows/story";
import "../workflows/workflows.css";
import { Measured } from "./Measured";
import { Refusal } from "./Refusal";
import { RunMenu } from "./RunMenu";
import { InExperiment } from "./Runs";
import { TaskPanel } from "./TaskPanel";
import { ThingCard, ThingView, visual } from "./ThingView";
import { type Run, useExperiments, useLiveRuns, usePipelines, useRecurringOne, useRun, useVersions } from "./kfp";
import type { RunSearch as Search } from "./routes";
import { type Bar, bars, over, shown, specOf, time, word } from "./spec";
import type { Thing } from "./things";
import { type Inside, useInside } from "./useThings";
import "./pipelines.css";

const FROM = "/$namespace/pipelines/runs/$id";
const VIEWS = [
  ["graph", "Graph"],
  ["timeline", "Timeline"],
  ["metrics", "Visualizations"],
  ["artifacts", "Artifacts"],
  ["details", "Details"],
  ["events", "Events"],
  ["spec", "Pipeline spec"],
] as const;

export function RunPage() {
  const { id } = useParams({ from: FROM });
  useLiveRuns();
  const { data: run, error } = useRun(id);
  const inside = useInside(run);
  if (error) return <Refusal error={error} />;
  return run ? <Found run={run} inside={inside} /> : null;
}

function Found({ run, inside }: { run: Run; inside: Inside }) {
  const namespace = useNamespace();
  const search = useSearch({ from: FROM });
  const navigate = useNavigate({ from: FROM });
  const go = (part: Search) => void navigate({ search: { ...search, ...part }, replace: true });
  const { workflow, nodes } = inside;
  const view = VIEWS.find(([key]) => key === search.tab)?.[0] ?? "graph";
  const cause = run.state === "FAILED" ? culprit(nodes) : undefined;
  const asked = view === "graph" || view === "timeline";
  const task = asked ? (nodes.get(search.node ?? "") ?? (search.node ? undefined : cause)) : undefined;
  const fan = asked && search.node && !task ? search.node : undefined;
  return (
    <Page
      full
      title={run.display_name}
      crumbs={
        <Link to="/$namespace/pipelines" params={{ namespace }}>
          Pipelines
        </Link>
      }
      facts={
        <>
          <Mark phase={word(run.state)} />
          <Duration from={run.created_at} to={time(run.finished_at)} />
          {run.storage_state === "ARCHIVED" ? <span className="badge">archived</span> : null}
        </>
      }
      actions={
        <>
          <Link to="/$namespace/pipelines/new" params={{ namespace }} search={{ clone: run.run_id }} className="button">
            <Clone size={15} aria-hidden /> Clone
          </Link>
          <RunMenu run={run} onGone={() => void navigate({ to: "/$namespace/pipelines", params: { namespace } })} />
        </>
      }
    >
      {run.state === "FAILED" ? <Why run={run} workflow={workflow} node={cause} onTask={(node) => go({ node, tab: "graph", about: "log" })} /> : null}
      <nav className="run-views" aria-label="Views of the run">
        {VIEWS.map(([key, label]) => (
          <button key={key} type="button" aria-current={key === view ? "page" : undefined} onClick={() => go({ tab: key })}>
            {label}
          </button>
        ))}
      </nav>
      <div className={task || fan ? "run-body" : "run-body run-whole"}>
        <div className="run-view">
          <View view={view} run={run} inside={inside} selected={search.node ?? task?.id} onTask={(node) => go({ node, ...(asked ? {} : { tab: "graph" }) })} />
        </div>
        <Beside task={task} fan={fan} inside={inside} search={search} go={go} />
      </div>
    </Page>
  );
}

interface BesideProps {
  task: NodeStatus | undefined;
  /** A bundle of alike tasks, chosen as one. */
  fan: string | undefined;
  inside: Inside;
  search: Search;
  go: (part: Search) => void;
}

function Beside({ task, fan, inside, search, go }: BesideProps) {
  const { workflow, nodes, things, archived } = inside;
  if (fan) return <Fan id={fan} members={members(nodes, fan)} />;
  if (!workflow || !task) return null;
  return (
    <TaskPanel
      workflow={workflow}
      node={task}
      things={things}
      archived={archived}
      tab={search.about}
      container={search.container}
      onTab={(about) => go({ about, node: task.id })}
      onContainer={(container) => go({ container, node: task.id })}
      onTask={(node) => go({ node })}
    />
  );
}

interface ViewProps {
  view: string;
  run: Run;
  inside: Inside;
  selected: string | undefined;
  onTask: (id: string) => void;
}

function View(props: ViewProps) {
  const { view, run, inside } = props;
  if (view === "spec") return <Specification run={run} />;
  if (view === "details") return <Pad>{<Details run={run} inside={inside} />}</Pad>;
  if (inside.place === undefined || (inside.place && !inside.loaded)) return null;
  const { things } = inside;
  if (view === "metrics") return <Pad>{<Visuals things={things} ended={over(run)} />}</Pad>;
  if (view === "artifacts") return <Pad>{things.length ? things.map((one) => <ThingCard key={one.artifact_id} thing={one} onTask={props.onTask} />) : <p className="dim">Nothing was left yet.</p>}</Pad>;
  if (view === "events") return <Pad>{<Happened inside={inside} />}</Pad>;
  return inside.workflow ? <Drawn {...props} /> : <Pad>{<Recorded run={run} />}</Pad>;
}

function Drawn({ view, run, inside: { nodes }, selected, onTask }: ViewProps) {
  if (view === "timeline") return <Timeline nodes={nodes} running={!over(run)} selected={selected} onSelect={onTask} />;
  return <Graph nodes={nodes} selected={selected} onSelect={onTask} />;
}

function Happened({ inside: { workflow, place, archived } }: { inside: Inside }) {
  if (!workflow || archived || !place) return <p className="dim">Its events went with its Workflow.</p>;
  return <Events namespace={place.namespace} kind="Workflow" name={place.name} />;
}

function Pad({ children }: { children: ReactNode }) {
  return <div className="run-pad padded">{children}</div>;
}

function Why({ run, workflow, node, onTask }: { run: Run; workflow: Workflow | undefined; node: NodeStatus | undefined; onTask: (id: string) => void }) {
  const pod = workflow && node?.type === "Pod" ? paths.podName(workflow.metadata.name, node) : "";
  const said = useLastLines(workflow?.metadata.namespace ?? "", pod, "main");
  return (
    <section className="failure" aria-label="Why it failed">
      <p>
        {node ? (
          <button type="button" className="link why-task" onClick={() => onTask(node.id)}>
            {node.displayName}
          </button>
        ) : null}{" "}
        <strong>{node?.message || run.error?.message || "failed"}</strong>
      </p>
      {said ? (
        <pre tabIndex={0} role="log" aria-label="The last lines of its log">
          {said}
        </pre>
      ) : null}
    </section>
  );
}

/** Metrics of all tasks together; pages and notes one below the other. */
function Visuals({ things, ended }: { things: Thing[]; ended: boolean }) {
  const seen = things.filter(visual);
  const pages = seen.filter((one) => one.type === "HTML" || one.type === "Markdown");
  const measured = seen.filter((one) => !pages.includes(one));
  if (!seen.length && !ended) return <p className="dim">Nothing was measured yet.</p>;
  return (
    <>
      {measured.length || !pages.length ? <Measured artifacts={measured} /> : null}
      {pages.map((one) => (
        <section key={one.artifact_id} className="part">
          <h2>
            {one.name} <span className="dim">{one.by ? `of ${one.by.name}` : ""}</span>
          </h2>
          <ThingView thing={one} />
        </section>
      ))}
    </>
  );
}

function Details({ run, inside }: { run: Run; inside: Inside }) {
  const namespace = useNamespace();
  const { pipeline_id: pipeline, pipeline_version_id } = run.pipeline_version_reference ?? {};
  const versions = useVersions(pipeline ?? null).data?.pipeline_versions ?? [];
  const version = versions.find((v) => v.pipeline_version_id === pipeline_version_id);
  const name = usePipelines().data?.pipelines?.find((p) => p.pipeline_id === pipeline)?.display_name;
  const experiment = useExperiments().data?.experiments?.find((e) => e.experiment_id === run.experiment_id);
  const recurring = useRecurringOne(run.recurring_run_id ?? null).data;
  const { place } = inside;
  return (
    <div className="grid pipeline-rest">
      <section className="card">
        <h2>Parameters</h2>
        <Parameters run={run} />
      </section>
      <section className="card">
        <h2>Run</h2>
        <Facts
          rows={[
            ["Description", run.description],
            ["Pipeline", pipeline && name ? <Link key="pipeline" to="/$namespace/pipelines/$id" params={{ namespace, id: pipeline }} search={version ? { version: version.pipeline_version_id } : {}}>{version ? `${name}, ${version.display_name}` : name}</Link> : ""],
            ["Experiment", experiment ? <InExperiment key="experiment" id={experiment.experiment_id} name={experiment.display_name} /> : ""],
            ["Recurring run", recurring ? <Link key="recurring" to="/$namespace/pipelines/recurring/$id" params={{ namespace, id: recurring.recurring_run_id }}>{recurring.display_name}</Link> : ""],
            ["Workflow", place && inside.workflow ? <Link key="workflow" to="/$namespace/workflows/$name" params={place}>{place.name}</Link> : "gone"],
            ["Namespace", place?.namespace],
            ["Began", new Date(run.created_at).toLocaleString()],
            ["Ended", time(run.finished_at) && new Date(run.finished_at ?? "").toLocaleString()],
            ["Pipeline root", run.runtime_config?.pipeline_root],
            ["Account", run.service_account],
            ["Id", <span key="id" className="mono">{run.run_id}</span>],
          ]}
        />
      </section>
    </div>
  );
}

function Parameters({ run }: { run: Run }) {
  const found = Object.entries(run.runtime_config?.parameters ?? {});
  if (!found.length) return <p className="dim">It was started without parameters: the defaults count.</p>;
  return <Facts rows={found.map(([name, value]): [string, ReactNode] => [name, <span key={name} className="mono">{shown(value)}</span>])} />;
}

function Specification({ run }: { run: Run }) {
  const { pipeline_id, pipeline_version_id } = run.pipeline_version_reference ?? {};
  const versions = useVersions(pipeline_id ?? null).data?.pipeline_versions ?? [];
  const spec = run.pipeline_spec ?? specOf(versions.find((v) => v.pipeline_version_id === pipeline_version_id));
  const text = useMemo(() => stringify(spec ?? {}, { lineWidth: 0 }), [spec]);
  return <div className="run-pad">{spec ? <Code label="Specification of the pipeline" language="yaml" value={text} /> : <p className="dim">The version that it ran is deleted.</p>}</div>;
}

const COLUMNS: Column<Bar>[] = [
  { title: "Task", cell: (b) => <span style={{ paddingLeft: b.depth * 16 }}>{b.task.display_name}</span> },
  { title: "State", cell: (b) => <Mark phase={word(b.task.state)} /> },
  { title: "Duration", cell: (b) => <Duration from={time(b.task.start_time)} to={time(b.task.end_time)} /> },
  {
    title: "When",
    width: "42%",
    cell: (b) => (
      <div className="gantt">
        <span className={`gantt-bar gantt-${word(b.task.state).toLowerCase()}`} style={{ left: `${b.from * 100}%`, width: `${b.length * 100}%` }} />
      </div>
    ),
  },
];

/** The Workflow is gone: what the record kept. */
function Recorded({ run }: { run: Run }) {
  const now = useNow(!over(run));
  const found = bars(run.run_details?.task_details ?? [], now);
  return (
    <>
      <p className="dim">Its Workflow is gone, and its logs with it. This is what was recorded.</p>
      {found.length ? <Table label="Tasks" columns={COLUMNS} rows={found} id={(b) => b.task.task_id} /> : null}
    </>
  );
}
