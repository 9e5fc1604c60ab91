/** Everything that runs left, and every task that ran, as upstream's lists of artifacts and executions. */

import { Link } from "@tanstack/react-router";
import { useNamespace } from "../app/namespace";
import { useSearched } from "../app/searched";
import { Mark } from "../ui/Mark";
import { SearchBox, Toolbar } from "../ui/Page";
import { type Column, Table } from "../ui/Table";
import { Empty } from "../ui/notes";
import { Ago, Duration } from "../ui/time";
import { Refusal } from "./Refusal";
import { type Artifact, type Task, useAllArtifacts, useExecutions, useRuns } from "./kfp";
import { summary, time, word } from "./spec";

const ARTIFACTS: Column<Artifact>[] = [
  { title: "Artifact", cell: (a) => <strong className="artifact-title">{a.name}</strong>, by: (a) => a.name },
  { title: "Type", cell: (a) => a.type, by: (a) => a.type },
  { title: "Known of it", cell: (a) => <div className="message">{summary(a)}</div> },
  { title: "URI", cell: (a) => <div className="message mono uri-cell" title={a.uri}>{a.uri}</div> },
  { title: "Made", cell: (a) => (a.created_at ? <Ago at={a.created_at} /> : null), by: (a) => a.created_at ?? "" },
];

export function Artifacts() {
  const { data, error } = useAllArtifacts(useNamespace());
  const [search, setSearch] = useSearched();
  const all = data?.artifacts ?? [];
  const found = all.filter((a) => `${a.name} ${a.type} ${a.uri ?? ""}`.toLowerCase().includes(search.trim().toLowerCase()));
  if (error) return <Refusal error={error} />;
  if (data && !all.length) return <Empty title="No run has left anything yet">Outputs of a component that are artifacts stand here: models, data sets, metrics.</Empty>;
  return (
    <>
      <Toolbar>
        <SearchBox label="Search by name, type or URI" value={search} onChange={setSearch} />
      </Toolbar>
      {found.length ? <Table label="Artifacts" columns={ARTIFACTS} rows={found} id={(a) => a.artifact_id} /> : null}
      {all.length && !found.length ? <p className="dim">No artifact fits this search.</p> : null}
    </>
  );
}

type Execution = Task & { run_id?: string };

export function Executions() {
  const namespace = useNamespace();
  const runs = new Map((useRuns({ namespace }).data?.runs ?? []).map((r) => [r.run_id, r.display_name]));
  const { data, error } = useExecutions();
  const [search, setSearch] = useSearched();
  const all = (data?.tasks ?? []).filter((t) => runs.has(t.run_id ?? "") && t.pod_name);
  const found = all.filter((t) => `${t.display_name} ${runs.get(t.run_id ?? "")}`.toLowerCase().includes(search.trim().toLowerCase()));
  const columns: Column<Execution>[] = [
    { title: "Task", cell: (t) => <strong className="artifact-title">{t.display_name}</strong>, by: (t) => t.display_name },
    { title: "State", cell: (t) => <Mark phase={word(t.state)} />, by: (t) => word(t.state) },
    {
      title: "Run",
      cell: (t) => (
        <Link to="/$namespace/pipelines/runs/$id" params={{ namespace, id: t.run_id ?? "" }}>
          {runs.get(t.run_id ?? "")}
        </Link>
      ),
      by: (t) => runs.get(t.run_id ?? "") ?? "",
    },
    { title: "Duration", number: true, cell: (t) => <Duration from={time(t.start_time)} to={time(t.end_time)} /> },
    { title: "Began", cell: (t) => (t.start_time ? <Ago at={t.start_time} /> : null), by: (t) => t.start_time ?? "" },
    { title: "Message", cell: (t) => <div className="message">{t.error?.message}</div> },
  ];
  if (error) return <Refusal error={error} />;
  if (data && !all.length) return <Empty title="No task has run here yet">Every task of every run in {namespace} stands here.</Empty>;
  return (
    <>
      <Toolbar>
        <SearchBox label="Search by task or run" value={search} onChange={setSearch} />
      </Toolbar>
      {found.length ? <Table label="Executions" columns={columns} rows={found} id={(t) => t.task_id} /> : null}
    </>
  );
}
