/** All runs of a namespace, as they change; what is gone comes from the archive. */

import { useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useDeferredValue, useMemo, useState } from "react";
import { context, runs as started } from "../api/context";
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
  const answers = useQueryClient();
  const done = () => {
    setChosen(new Set());
    void answers.invalidateQueries({ queryKey: ["archive", namespace] });
  };
  return (
    <Page
      title="Workflows"
      facts={runs.loaded && !runs.error ? <span className="number">{counted(runs, query, namespace)}</span> : null}
      actions={<NewRun namespace={namespace} />}
    >
      {runs.error ? query.archive && runs.error.code === 404 ? <NoArchive /> : <Problem error={runs.error} /> : null}
      {picked.length ? (
        <Bulk runs={picked} archived={Boolean(query.archive)} onDone={done} />
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
  const longest = useMemo(() => longestOf(shown), [shown]);
  return useMemo(
    () => [
      {
        title: "Choose",
        heading: <ChoiceOfAll shown={shown} chosen={chosen} choose={choose} />,
        width: "42px",
        cell: (w) => <Choice run={w} chosen={chosen} choose={choose} />,
      },
      { title: "Name", cell: (w) => <Name workflow={w} />, by: (w) => w.metadata.name },
      { title: "State", cell: (w) => <Mark phase={w.status?.phase} />, by: (w) => word(w.status?.phase) },
      { title: "Steps", cell: (w) => <Progress run={w} />, by: (w) => done(w.status?.progress) },
      { title: "Duration", width: "150px", cell: (w) => <Bar workflow={w} longest={longest} />, by: (w) => lasted(w, Date.now()) },
      { title: "Created", cell: (w) => <Ago at={w.metadata.creationTimestamp} />, by: (w) => w.metadata.creationTimestamp },
      { title: "Message", rest: true, cell: (w) => <div className="message">{w.status?.message ?? ""}</div> },
    ],
    [shown, chosen, choose, longest],
  );
}

/** Of those that have ended, if any has: one that waits for a week would make all others look alike. */
function longestOf(shown: Workflow[]): number {
  const over = shown.filter((w) => w.status?.finishedAt);
  return (over.length ? over : shown).reduce((most, w) => Math.max(most, lasted(w, Date.now())), 1);
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

/** All that the filters let through, also those that the window does not draw. */
function ChoiceOfAll({ shown, chosen, choose }: { shown: Workflow[]; chosen: ReadonlySet<string>; choose: (chosen: ReadonlySet<string>) => void }) {
  const picked = shown.filter((w) => chosen.has(w.metadata.uid)).length;
  const all = shown.length > 0 && picked === shown.length;
  return (
    <input
      type="checkbox"
      aria-label={all ? "Choose none" : `Choose all ${shown.length}`}
      title={all ? "Choose none" : `Choose all ${shown.length}`}
      checked={all}
      ref={(box) => {
        if (box) box.indeterminate = picked > 0 && !all;
      }}
      onChange={() => choose(new Set(all ? [] : shown.map((w) => w.metadata.uid)))}
    />
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

/** How long it took, and how long that is beside the others. */
function Bar({ workflow, longest }: { workflow: Workflow; longest: number }) {
  const { startedAt, finishedAt, phase } = workflow.status ?? {};
  const now = useNow(Boolean(startedAt) && !finishedAt);
  const value = seconds(startedAt, finishedAt, now);
  const share = Math.min(100, (100 * (value ?? 0)) / longest);
  return (
    <span className="duration">
      <span className="number">{span(value)}</span>
      <span className="duration-track" aria-hidden>
        {share < 1 ? null : <span className={`duration-bar bar-${word(phase).toLowerCase()}`} style={{ width: `${share}%` }} />}
      </span>
    </span>
  );
}

/** A bar only while it moves: in a column of finished ones it would say the same in every row. */
function Progress({ run: { status } }: { run: Workflow }) {
  const [finished = 0, all = 0] = (status?.progress ?? "").split("/").map(Number);
  if (!all) return <span className="dim">–</span>;
  const over = Boolean(status?.finishedAt);
  return (
    <span className="progress">
      {over ? null : <progress value={finished} max={all} aria-label="Steps done" />}
      <span className={over && finished === all ? "number dim" : "number"}>
        {finished} of {all}
      </span>
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
      Choose <strong>New</strong> above, or submit one from a terminal: <code>{started}</code>
      {context ? null : (
        <>
          {" "}
          or <code>pinnace kubectl create -f FILE</code>
        </>
      )}
      . It appears here at once.
    </Empty>
  );
}

function NoArchive() {
  return (
    <Empty title="This server has no archive of runs">
      Only Argo's own server tells of runs that are gone, where its archive is switched on: ask it by <code>argo archive list</code>.
    </Empty>
  );
}
