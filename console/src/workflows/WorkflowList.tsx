import { Link, useParams } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import * as paths from "../api/paths";
import type { Workflow } from "../api/types";
import { useLive } from "../api/useLive";
import { Mark, word } from "../ui/Mark";
import { Empty, Problem } from "../ui/notes";
import { Ago, Duration } from "../ui/time";

const FILTERS = ["All", "Running", "Succeeded", "Failed"] as const;
type Filter = (typeof FILTERS)[number];
const SHOWN = 200;

export function WorkflowList() {
  const { namespace } = useParams({ from: "/$namespace/workflows" });
  const live = useLive<Workflow>(paths.workflows(namespace));
  const [search, setSearch] = useState("");
  const [filter, setFilter] = useState<Filter>("All");
  const all = useMemo(() => newestFirst(live.items), [live.items]);
  const shown = all.filter((w) => matches(w, search, filter));
  if (live.error) return <Problem error={live.error} />;
  return (
    <section className="page">
      <div className="heading">
        <h1>Workflows</h1>
        <span className="dim">{live.loaded ? `${all.length} in ${namespace}` : "loading …"}</span>
      </div>
      <div className="tools">
        <input
          type="search"
          aria-label="Search by name"
          placeholder="Search by name"
          value={search}
          onChange={(e) => setSearch(e.target.value)}
        />
        <div className="segments" role="group" aria-label="Filter by state">
          {FILTERS.map((f) => (
            <button key={f} type="button" aria-pressed={f === filter} onClick={() => setFilter(f)}>
              {f}
            </button>
          ))}
        </div>
      </div>
      {shown.length ? <Table workflows={shown.slice(0, SHOWN)} namespace={namespace} /> : null}
      {shown.length > SHOWN ? <p className="dim">… and {shown.length - SHOWN} older: search to find them</p> : null}
      {live.loaded && !shown.length ? <Nothing any={all.length > 0} /> : null}
    </section>
  );
}

function Table({ workflows, namespace }: { workflows: Workflow[]; namespace: string }) {
  return (
    <table>
      <thead>
        <tr>
          <th>Name</th>
          <th>State</th>
          <th>Progress</th>
          <th>Duration</th>
          <th>Created</th>
          <th>Message</th>
        </tr>
      </thead>
      <tbody>
        {workflows.map((w) => (
          <tr key={w.metadata.uid}>
            <td>
              <Link to="/$namespace/workflows/$name" params={{ namespace, name: w.metadata.name }}>
                {w.metadata.name}
              </Link>
            </td>
            <td>
              <Mark phase={w.status?.phase} />
            </td>
            <td>
              <Progress text={w.status?.progress} />
            </td>
            <td>
              <Duration from={w.status?.startedAt} to={w.status?.finishedAt} />
            </td>
            <td>
              <Ago at={w.metadata.creationTimestamp} />
            </td>
            <td className="message">{w.status?.message ?? ""}</td>
          </tr>
        ))}
      </tbody>
    </table>
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

function newestFirst(items: Map<string, Workflow>): Workflow[] {
  return [...items.values()].sort((a, b) =>
    b.metadata.creationTimestamp.localeCompare(a.metadata.creationTimestamp) ||
    a.metadata.name.localeCompare(b.metadata.name),
  );
}

function matches(workflow: Workflow, search: string, filter: Filter): boolean {
  const state = word(workflow.status?.phase);
  const fits = filter === "All" || state === filter || (filter === "Failed" && state === "Error");
  return fits && workflow.metadata.name.includes(search.trim());
}
