import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import type { KubeError } from "../api/kube";
import { useNamespace } from "../app/namespace";
import { Button } from "../ui/Button";
import { Mark } from "../ui/Mark";
import { Menu } from "../ui/Menu";
import { Page, SearchBox, Segments, Toolbar } from "../ui/Page";
import { type Column, Table } from "../ui/Table";
import { Tabs } from "../ui/Tabs";
import { Empty, Problem } from "../ui/notes";
import { Ago, Duration } from "../ui/time";
import { attempt } from "../ui/toasts";
import { Upload } from "./Upload";
import { type Experiment, type Pipeline, type Recurring, type Run, drop, post, useExperiments, useLiveRuns, usePipelines, useRecurring, useRuns } from "./kfp";
import { time, word } from "./spec";
import "./pipelines.css";

const FROM = "/$namespace/pipelines";

export function Pipelines() {
  const { tab } = useSearch({ from: FROM });
  const navigate = useNavigate({ from: FROM });
  useLiveRuns();
  return (
    <Page title="Pipelines" actions={<Upload />}>
      <Tabs
        label="Kubeflow Pipelines"
        value={tab}
        onChange={(value) => void navigate({ search: { tab: value }, replace: true })}
        tabs={[
          { value: "runs", label: "Runs", content: <Runs /> },
          { value: "pipelines", label: "Pipelines", content: <Library /> },
          { value: "recurring", label: "Recurring runs", content: <RecurringRuns /> },
          { value: "experiments", label: "Experiments", content: <Experiments /> },
        ]}
      />
    </Page>
  );
}

/** Elsewhere nobody answers this API at the console's own address. */
export function Refusal({ error }: { error: KubeError }) {
  if (error.code !== 404) return <Problem error={error} />;
  return <Empty title="Not here">This server has no Pipelines API at its own address, or has forgotten what you ask for.</Empty>;
}

const STORED = ["Active", "Archived"] as const;

function Runs() {
  const namespace = useNamespace();
  const { data, error } = useRuns();
  const [search, setSearch] = useState("");
  const [stored, setStored] = useState<(typeof STORED)[number]>("Active");
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const runs = data?.runs ?? [];
  const shown = runs.filter((r) => r.display_name.includes(search.trim()) && (r.storage_state === "ARCHIVED") === (stored === "Archived"));
  if (error) return <Refusal error={error} />;
  if (data && !runs.length)
    return (
      <Empty title="No pipeline has run yet">
        Upload a compiled pipeline and create a run of it, or from a terminal: <code>pinnace run pipeline.py</code>.
      </Empty>
    );
  return (
    <>
      <Toolbar>
        <SearchBox value={search} onChange={setSearch} />
        <Segments label="Which runs" options={STORED} value={stored} onChange={setStored} />
        {chosen.size > 1 ? (
          <Link to="/$namespace/pipelines/compare" params={{ namespace }} search={{ runs: [...chosen].join() }} className="button">
            Compare {chosen.size} runs
          </Link>
        ) : null}
      </Toolbar>
      {shown.length ? <Table label="Runs" columns={runColumns(namespace, chosen, setChosen)} rows={shown} id={(r) => r.run_id} /> : null}
      {data && !shown.length ? <p className="dim">No run fits this search.</p> : null}
    </>
  );
}

function runColumns(namespace: string, chosen: ReadonlySet<string>, choose: (ids: ReadonlySet<string>) => void): Column<Run>[] {
  const toggle = (id: string) => {
    const next = new Set(chosen);
    if (!next.delete(id)) next.add(id);
    choose(next);
  };
  return [
    {
      title: "Compare",
      quiet: true,
      width: "36px",
      cell: (r) => <input type="checkbox" aria-label={`Compare ${r.display_name}`} checked={chosen.has(r.run_id)} onChange={() => toggle(r.run_id)} />,
    },
    {
      title: "Run",
      cell: (r) => (
        <Link to="/$namespace/pipelines/runs/$id" params={{ namespace, id: r.run_id }}>
          {r.display_name}
        </Link>
      ),
      by: (r) => r.display_name,
    },
    { title: "State", cell: (r) => <Mark phase={word(r.state)} />, by: (r) => word(r.state) },
    { title: "Duration", cell: (r) => <Duration from={r.created_at} to={time(r.finished_at)} /> },
    { title: "Started", cell: (r) => <Ago at={r.created_at} />, by: (r) => r.created_at },
    { title: "Message", cell: (r) => <div className="message">{r.error?.message}</div> },
    { title: "Actions", quiet: true, width: "44px", cell: (r) => <RunMenu run={r} /> },
  ];
}

export function RunMenu({ run, onGone }: { run: Run; onGone?: () => void }) {
  const path = `/runs/${run.run_id}`;
  const archived = run.storage_state === "ARCHIVED";
  const over = ["SUCCEEDED", "FAILED", "CANCELED"].includes(run.state ?? "");
  const act = (verb: string, done: string) => void attempt(post(`${path}:${verb}`), `${run.display_name} ${done}`).then(() => again());
  const again = useRuns().refetch;
  return (
    <Menu
      label={`Actions on ${run.display_name}`}
      items={[
        { label: "Terminate", disabled: over, onSelect: () => act("terminate", "is terminated") },
        { label: "Retry", disabled: run.state !== "FAILED", onSelect: () => act("retry", "goes on") },
        archived
          ? { label: "Restore", onSelect: () => act("unarchive", "is restored") }
          : { label: "Archive", disabled: !over, onSelect: () => act("archive", "is archived") },
        {
          label: "Delete",
          danger: true,
          onSelect: () =>
            void attempt(drop(path), `${run.display_name} is deleted`).then((done) => {
              void again();
              if (done) onGone?.();
            }),
        },
      ]}
    />
  );
}

function Library() {
  const namespace = useNamespace();
  const { data, error } = usePipelines();
  const found = data?.pipelines ?? [];
  const columns: Column<Pipeline>[] = [
    {
      title: "Pipeline",
      cell: (p) => (
        <Link to="/$namespace/pipelines/$id" params={{ namespace, id: p.pipeline_id }}>
          {p.display_name}
        </Link>
      ),
      by: (p) => p.display_name,
    },
    { title: "Description", cell: (p) => <div className="message">{p.description}</div> },
    { title: "Uploaded", cell: (p) => <Ago at={p.created_at} />, by: (p) => p.created_at },
  ];
  if (error) return <Refusal error={error} />;
  if (data && !found.length)
    return (
      <Empty title="No pipeline is uploaded yet">
        Compile one with <code>kfp dsl compile</code> and upload the YAML, or use <code>kfp.Client().upload_pipeline(…)</code>.
      </Empty>
    );
  return found.length ? <Table label="Pipelines" columns={columns} rows={found} id={(p) => p.pipeline_id} /> : null;
}

function RecurringRuns() {
  const { data, error, refetch } = useRecurring();
  const found = data?.recurringRuns ?? data?.recurring_runs ?? [];
  const act = (work: Promise<unknown>, done: string) => void attempt(work, done).then(() => refetch());
  const columns: Column<Recurring>[] = [
    { title: "Recurring run", cell: (r) => r.display_name, by: (r) => r.display_name },
    { title: "State", cell: (r) => <Mark phase={r.status === "ENABLED" ? "Enabled" : "Disabled"} tone={r.status === "ENABLED" ? "good" : "quiet"} /> },
    { title: "Trigger", cell: (r) => <span className="mono">{told(r)}</span> },
    { title: "At once", number: true, cell: (r) => r.max_concurrency },
    { title: "Created", cell: (r) => <Ago at={r.created_at} />, by: (r) => r.created_at },
    {
      title: "Actions",
      quiet: true,
      cell: (r) => {
        const on = r.status === "ENABLED";
        const path = `/recurringruns/${r.recurring_run_id}`;
        return (
          <div className="row-acts">
            <Button onClick={() => act(post(`${path}:${on ? "disable" : "enable"}`), `${r.display_name} is ${on ? "disabled" : "enabled"}`)}>
              {on ? "Disable" : "Enable"}
            </Button>
            <Button look="danger" onClick={() => act(drop(path), `${r.display_name} is deleted`)}>
              Delete
            </Button>
          </div>
        );
      },
    },
  ];
  if (error) return <Refusal error={error} />;
  if (data && !found.length)
    return <Empty title="Nothing recurs">Open a pipeline, create a run of it, and choose when it repeats.</Empty>;
  return found.length ? <Table label="Recurring runs" columns={columns} rows={found} id={(r) => r.recurring_run_id} /> : null;
}

function told({ trigger }: Recurring): string {
  const every = trigger?.periodic_schedule?.interval_second;
  return trigger?.cron_schedule?.cron ?? (every ? `every ${every} s` : "–");
}

function Experiments() {
  const { data, error, refetch } = useExperiments();
  const runs = useRuns().data?.runs ?? [];
  const found = data?.experiments ?? [];
  const columns: Column<Experiment>[] = [
    { title: "Experiment", cell: (e) => e.display_name, by: (e) => e.display_name },
    { title: "Description", cell: (e) => <div className="message">{e.description}</div> },
    { title: "Last runs", cell: (e) => <LastRuns runs={runs.filter((r) => r.experiment_id === e.experiment_id).slice(0, 5)} /> },
    { title: "Created", cell: (e) => <Ago at={e.created_at} />, by: (e) => e.created_at },
    {
      title: "Actions",
      quiet: true,
      cell: (e) => {
        const archived = e.storage_state === "ARCHIVED";
        const path = `/experiments/${e.experiment_id}:${archived ? "unarchive" : "archive"}`;
        return <Button onClick={() => void attempt(post(path), `${e.display_name} is ${archived ? "restored" : "archived"}`).then(() => refetch())}>{archived ? "Restore" : "Archive"}</Button>;
      },
    },
  ];
  if (error) return <Refusal error={error} />;
  if (data && !found.length) return <Empty title="No experiment yet">The first run makes the one called Default.</Empty>;
  return found.length ? <Table label="Experiments of Pipelines" columns={columns} rows={found} id={(e) => e.experiment_id} /> : null;
}

function LastRuns({ runs }: { runs: Run[] }) {
  return runs.map((r) => <Mark key={r.run_id} phase={word(r.state)} label={false} />);
}
