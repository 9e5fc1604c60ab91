import { Link } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { WORKFLOW, useMany } from "../api/resources";
import type { Workflow } from "../api/types";
import { Page, SearchBox, Segments, Toolbar } from "../ui/Page";
import { Mark, word } from "../ui/Mark";
import { Empty, Problem } from "../ui/notes";
import { type Column, Table } from "../ui/Table";
import { Ago, Duration, seconds } from "../ui/time";
import { useNamespace } from "../app/namespace";

const FILTERS = ["All", "Running", "Succeeded", "Failed"] as const;
type Filter = (typeof FILTERS)[number];

const COLUMNS: Column<Workflow>[] = [
  { title: "Name", cell: (w) => <Name workflow={w} />, by: (w) => w.metadata.name },
  { title: "State", cell: (w) => <Mark phase={w.status?.phase} />, by: (w) => word(w.status?.phase) },
  { title: "Progress", cell: (w) => <Progress text={w.status?.progress} /> },
  {
    title: "Duration",
    cell: (w) => <Duration from={w.status?.startedAt} to={w.status?.finishedAt} />,
    by: (w) => seconds(w.status?.startedAt, w.status?.finishedAt, Date.now()) ?? -1,
  },
  { title: "Created", cell: (w) => <Ago at={w.metadata.creationTimestamp} />, by: (w) => w.metadata.creationTimestamp },
  { title: "Message", cell: (w) => <div className="message">{w.status?.message ?? ""}</div> },
];

export function WorkflowList() {
  const namespace = useNamespace();
  const { items, loaded, error } = useMany(WORKFLOW, namespace);
  const [search, setSearch] = useState("");
  const [filter, setFilter] = useState<Filter>("All");
  const shown = useMemo(() => items.filter((w) => matches(w, search, filter)), [items, search, filter]);
  return (
    <Page title="Workflows" facts={loaded && !error ? `${items.length} in ${namespace}` : null}>
      {error ? <Problem error={error} /> : null}
      <Toolbar>
        <SearchBox value={search} onChange={setSearch} />
        <Segments label="Filter by state" options={FILTERS} value={filter} onChange={setFilter} />
      </Toolbar>
      {shown.length ? <Table label="Workflows" columns={COLUMNS} rows={shown} id={(w) => w.metadata.uid} /> : null}
      {loaded && !error && !shown.length ? <Nothing any={items.length > 0} /> : null}
    </Page>
  );
}

function Name({ workflow }: { workflow: Workflow }) {
  const { name, namespace = "" } = workflow.metadata;
  return (
    <Link to="/$namespace/workflows/$name" params={{ namespace, name }}>
      {name}
    </Link>
  );
}

function Progress({ text }: { text: string | undefined }) {
  const [done = 0, all = 0] = (text ?? "").split("/").map(Number);
  if (!all) return <span className="dim">–</span>;
  return (
    <span className="progress">
      <progress value={done} max={all} aria-label="Steps done" />
      <span className="number">{text}</span>
    </span>
  );
}

function Nothing({ any }: { any: boolean }) {
  if (any) return <p className="dim">No workflow fits this search.</p>;
  return (
    <Empty title="No workflows yet">
      Submit one from a terminal: <code>pinnace run FILE</code> or <code>pinnace kubectl create -f FILE</code>. It appears
      here at once.
    </Empty>
  );
}

function matches(workflow: Workflow, search: string, filter: Filter): boolean {
  const state = word(workflow.status?.phase);
  const fits = filter === "All" || state === filter || (filter === "Failed" && state === "Error");
  return fits && workflow.metadata.name.includes(search.trim());
}
