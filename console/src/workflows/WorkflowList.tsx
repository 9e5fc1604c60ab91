/** All runs of a namespace, as they change; what is gone comes from the archive. */

import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useDeferredValue, useMemo, useState } from "react";
import { WORKFLOW, useMany } from "../api/resources";
import type { Workflow } from "../api/types";
import { useNamespace } from "../app/namespace";
import { Button } from "../ui/Button";
import { Mark, word } from "../ui/Mark";
import { Page } from "../ui/Page";
import { type Column, Table } from "../ui/Table";
import { Empty, Problem } from "../ui/notes";
import { Ago, seconds, span, useNow } from "../ui/time";
import { Bulk } from "./Bulk";
import { Filters } from "./Filters";
import { NewRun } from "./NewRun";
import { useArchive } from "./archive";
import { type Query, fits, templateOf } from "./search";
import "./workflows.css";

export function WorkflowList() {
  const namespace = useNamespace();
  const query = useSearch({ from: "/$namespace/workflows" });
  const navigate = useNavigate({ from: "/$namespace/workflows" });
  const [from, setFrom] = useState("");
  const change = (next: Query) => {
    setFrom("");
    void navigate({ search: next, replace: true });
  };
  const runs = useRuns(namespace, query, from);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const columns = useColumns(runs.shown, chosen, setChosen);
  const picked = runs.shown.filter((w) => chosen.has(w.metadata.uid));
  return (
    <Page
      title="Workflows"
      facts={runs.loaded && !runs.error ? <span className="number">{counted(runs, query, namespace)}</span> : null}
      actions={<NewRun namespace={namespace} />}
    >
      {runs.error ? <Problem error={runs.error} /> : null}
      {picked.length ? (
        <Bulk runs={picked} archived={Boolean(query.archive)} onDone={() => setChosen(new Set())} />
      ) : (
        <Filters query={query} templates={runs.templates} onChange={change} />
      )}
      {runs.shown.length ? <Table label="Workflows" columns={columns} rows={runs.shown} id={(w) => w.metadata.uid} selected={(w) => chosen.has(w.metadata.uid)} /> : null}
      {query.archive && (from || runs.next) ? <Pages from={from} next={runs.next} onGo={setFrom} /> : null}
      {runs.loaded && !runs.error && !runs.shown.length ? <Nothing query={query} any={runs.all > 0} onClear={() => change({})} /> : null}
    </Page>
  );
}

interface Runs {
  shown: Workflow[];
  all: number;
  templates: string[];
  loaded: boolean;
  error: ReturnType<typeof useArchive>["error"];
  next: string | null;
}

function useRuns(namespace: string, query: Query, from: string): Runs {
  const live = useMany(WORKFLOW, namespace);
  const old = useArchive(namespace, query.archive ? query : null, from);
  const wanted = useDeferredValue(query);
  const templates = useMemo(() => [...new Set(live.items.map(templateOf).filter(Boolean))].sort(), [live.items]);
  const shown = useMemo(() => live.items.filter((w) => fits(w, wanted, Date.now())), [live.items, wanted]);
  if (query.archive) return { shown: old.items, all: old.items.length, templates, loaded: old.loaded, error: old.error, next: old.next };
  return { shown, all: live.items.length, templates, loaded: live.loaded, error: live.error, next: null };
}

function counted({ shown, all }: Runs, query: Query, namespace: string): string {
  if (query.archive) return `archive of ${namespace}`;
  return shown.length === all ? `${all} in ${namespace}` : `${shown.length} of ${all}`;
}

function useColumns(
  shown: Workflow[],
  chosen: ReadonlySet<string>,
  choose: (chosen: ReadonlySet<string>) => void,
): Column<Workflow>[] {
  const longest = useMemo(() => Math.max(1, ...shown.map((w) => lasted(w, Date.now()))), [shown]);
  return useMemo(
    () => [
      {
        title: "Choose",
        quiet: true,
        width: "40px",
        cell: (w) => <Choice run={w} chosen={chosen} choose={choose} />,
      },
      { title: "Name", cell: (w) => <Name workflow={w} />, by: (w) => w.metadata.name },
      { title: "State", cell: (w) => <Mark phase={w.status?.phase} />, by: (w) => word(w.status?.phase) },
      { title: "Progress", cell: (w) => <Progress text={w.status?.progress} />, by: (w) => done(w.status?.progress) },
      { title: "Duration", width: "150px", cell: (w) => <Bar workflow={w} longest={longest} />, by: (w) => lasted(w, Date.now()) },
      { title: "Created", cell: (w) => <Ago at={w.metadata.creationTimestamp} />, by: (w) => w.metadata.creationTimestamp },
      { title: "Message", cell: (w) => <div className="message" title={w.status?.message}>{w.status?.message ?? ""}</div> },
    ],
    [chosen, choose, longest],
  );
}

function lasted(workflow: Workflow, now: number): number {
  return seconds(workflow.status?.startedAt, workflow.status?.finishedAt, now) ?? 0;
}

function done(text: string | undefined): number {
  const [finished = 0, all = 0] = (text ?? "").split("/").map(Number);
  return all ? finished / all : -1;
}

function Choice(props: { run: Workflow; chosen: ReadonlySet<string>; choose: (chosen: ReadonlySet<string>) => void }) {
  const { uid, name } = props.run.metadata;
  const flip = () => {
    const next = new Set(props.chosen);
    if (!next.delete(uid)) next.add(uid);
    props.choose(next);
  };
  return <input type="checkbox" aria-label={`Choose ${name}`} checked={props.chosen.has(uid)} onChange={flip} />;
}

function Name({ workflow }: { workflow: Workflow }) {
  const { name, namespace = "" } = workflow.metadata;
  return (
    <Link to="/$namespace/workflows/$name" params={{ namespace, name }}>
      {name}
    </Link>
  );
}

/** How long it took, and how long that is beside the others. */
function Bar({ workflow, longest }: { workflow: Workflow; longest: number }) {
  const { startedAt, finishedAt, phase } = workflow.status ?? {};
  const now = useNow(Boolean(startedAt) && !finishedAt);
  const value = seconds(startedAt, finishedAt, now);
  const share = Math.min(100, (100 * (value ?? 0)) / longest);
  return (
    <span className="duration">
      <span className="number">{span(value)}</span>
      <span className={`duration-bar bar-${word(phase).toLowerCase()}`} style={{ width: `${share}%` }} aria-hidden />
    </span>
  );
}

function Progress({ text }: { text: string | undefined }) {
  const [finished = 0, all = 0] = (text ?? "").split("/").map(Number);
  if (!all) return <span className="dim">–</span>;
  return (
    <span className="progress">
      <progress value={finished} max={all} aria-label="Steps done" />
      <span className="number">{text}</span>
    </span>
  );
}

function Pages({ from, next, onGo }: { from: string; next: string | null; onGo: (from: string) => void }) {
  return (
    <nav className="pages" aria-label="Pages of the archive">
      <Button disabled={!from} onClick={() => onGo("")}>
        Newest
      </Button>
      <Button disabled={!next} onClick={() => next && onGo(next)}>
        Older
      </Button>
    </nav>
  );
}

function Nothing({ query, any, onClear }: { query: Query; any: boolean; onClear: () => void }) {
  if (query.archive) return <p className="dim">The archive has no run like this. A run is archived when it ends, and stays there when it is deleted.</p>;
  if (any)
    return (
      <p className="dim">
        No workflow fits these filters.{" "}
        <Button look="ghost" onClick={onClear}>
          Show all
        </Button>
      </p>
    );
  return (
    <Empty title="No workflows yet">
      Choose <strong>New</strong> above, or submit one from a terminal: <code>pinnace run FILE</code> or{" "}
      <code>pinnace kubectl create -f FILE</code>. It appears here at once.
    </Empty>
  );
}
