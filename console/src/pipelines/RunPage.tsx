import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { Copy as Clone, Workflow } from "lucide-react";
import { type ReactNode, useState } from "react";
import { workflowOfRun } from "../api/runs";
import { useNamespace } from "../app/namespace";
import { Button } from "../ui/Button";
import { Facts } from "../ui/Facts";
import { Mark } from "../ui/Mark";
import { Page } from "../ui/Page";
import { type Column, Table } from "../ui/Table";
import { Tabs } from "../ui/Tabs";
import { Duration, useNow } from "../ui/time";
import { Measured } from "./Measured";
import { NewRun } from "./NewRun";
import { Refusal, RunMenu } from "./Pipelines";
import { type Artifact, type Run, useArtifacts, useLiveRuns, useRun, useVersions } from "./kfp";
import { type Bar, bars, shown, time, word } from "./spec";
import "./pipelines.css";

const FROM = "/$namespace/pipelines/runs/$id";

export function RunPage() {
  const { id } = useParams({ from: FROM });
  const { tab } = useSearch({ from: FROM });
  const namespace = useNamespace();
  const navigate = useNavigate({ from: FROM });
  useLiveRuns();
  const { data: run, error } = useRun(id);
  const artifacts = useArtifacts(run).data ?? [];
  if (error) return <Refusal error={error} />;
  if (!run) return null;
  return (
    <Page
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
        </>
      }
      actions={
        <>
          <Graph id={id} />
          <Again run={run} />
          <RunMenu run={run} onGone={() => void navigate({ to: "/$namespace/pipelines", params: { namespace } })} />
        </>
      }
    >
      {run.error?.message ? <p className="problem">{run.error.message}</p> : null}
      <Tabs
        label="About this run"
        value={tab}
        onChange={(value) => void navigate({ search: { tab: value }, replace: true })}
        tabs={[
          { value: "tasks", label: "Tasks", content: <Tasks run={run} /> },
          { value: "metrics", label: "Metrics", content: <Measured artifacts={artifacts} /> },
          { value: "artifacts", label: "Artifacts", content: <Artifacts items={artifacts} /> },
          { value: "parameters", label: "Parameters", content: <Parameters run={run} /> },
        ]}
      />
    </Page>
  );
}

/** The graph, logs and timeline of the Workflow that the run is. */
function Graph({ id }: { id: string }) {
  const { data } = useQuery({ queryKey: ["workflow of", id], queryFn: async () => (await workflowOfRun(`#/runs/details/${id}`)) ?? null });
  if (!data) return null;
  return (
    <Link to="/$namespace/workflows/$name" params={data} className="button">
      <Workflow size={15} aria-hidden /> Graph and logs
    </Link>
  );
}

function Again({ run }: { run: Run }) {
  const [open, setOpen] = useState(false);
  const { pipeline_id, pipeline_version_id } = run.pipeline_version_reference ?? {};
  const versions = useVersions(pipeline_id ?? null).data?.pipeline_versions ?? [];
  const version = versions.find((v) => v.pipeline_version_id === pipeline_version_id) ?? versions[0];
  if (!version) return null;
  return (
    <>
      <Button Icon={Clone} onClick={() => setOpen(true)}>
        Clone
      </Button>
      {open ? <NewRun name={run.display_name} version={version} given={run.runtime_config?.parameters ?? {}} onClose={() => setOpen(false)} /> : null}
    </>
  );
}

const COLUMNS: Column<Bar>[] = [
  { title: "Task", cell: (b) => <span style={{ paddingLeft: b.depth * 16 }}>{b.task.display_name}</span> },
  { title: "State", cell: (b) => <State bar={b} /> },
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

function State({ bar: { task } }: { bar: Bar }) {
  const cached = task.executor_detail?.pre_caching_check_job === "CACHED";
  return (
    <span title={task.error?.message}>
      <Mark phase={word(task.state)} />
      {cached ? <span className="tag">from cache</span> : null}
    </span>
  );
}

function Tasks({ run }: { run: Run }) {
  const now = useNow(!time(run.finished_at));
  const found = bars(run.run_details?.task_details ?? [], now);
  if (!found.length) return <p className="dim">No task has begun.</p>;
  return <Table label="Tasks" columns={COLUMNS} rows={found} id={(b) => b.task.task_id} />;
}

function Parameters({ run }: { run: Run }) {
  const found = Object.entries(run.runtime_config?.parameters ?? {});
  if (!found.length) return <p className="dim">It was started without parameters: the defaults count.</p>;
  return <Facts rows={found.map(([name, value]): [string, ReactNode] => [name, <span key={name} className="mono">{shown(value)}</span>])} />;
}

const ARTIFACTS: Column<Artifact>[] = [
  { title: "Artifact", cell: (a) => a.name, by: (a) => a.name },
  { title: "Type", cell: (a) => a.type, by: (a) => a.type },
  { title: "URI", cell: (a) => <span className="mono">{a.uri}</span> },
  { title: "Metadata", cell: (a) => <div className="message">{Object.entries(a.metadata ?? {}).map(([k, v]) => `${k}: ${shown(v)}`).join(", ")}</div> },
];

function Artifacts({ items }: { items: Artifact[] }) {
  if (!items.length) return <p className="dim">Nothing was left yet.</p>;
  return <Table label="Artifacts" columns={ARTIFACTS} rows={items} id={(a) => a.artifact_id} />;
}
