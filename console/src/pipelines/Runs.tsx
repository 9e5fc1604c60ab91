/** Runs as a list: found by name, state, experiment; compared, archived and deleted together. */

import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { type ReactNode, useMemo, useState } from "react";
import { useNamespace } from "../app/namespace";
import { Button } from "../ui/Button";
import { Confirm } from "../ui/Dialog";
import { Mark } from "../ui/Mark";
import { SearchBox, Segments, Toolbar } from "../ui/Page";
import { type Column, Table } from "../ui/Table";
import { Empty } from "../ui/notes";
import { Ago, Duration, seconds } from "../ui/time";
import { attempt, notify } from "../ui/toasts";
import { Refusal } from "./Refusal";
import { RunMenu } from "./RunMenu";
import { type Experiment, type Run, drop, post, useExperiments, useMeasures, useNames, useRuns } from "./kfp";
import type { ListSearch } from "./routes";
import { commonest, digits, over, time, word } from "./spec";

const FROM = "/$namespace/pipelines";
const STORED = ["Active", "Archived"] as const;
const WHERE = ["This namespace", "All"] as const;
const STATES = ["Running", "Succeeded", "Failed", "Canceled"];
const METRICS = 2;

export function Runs() {
  const here = useNamespace();
  const search = useSearch({ from: FROM });
  const navigate = useNavigate({ from: FROM });
  const set = (part: Partial<Record<keyof ListSearch, unknown>>) =>
    void navigate({ search: Object.fromEntries(Object.entries({ ...search, ...part }).filter(([, v]) => v)) as ListSearch, replace: true });
  const namespace = search.all ? "" : here;
  const { data, error } = useRuns({ namespace, experiment: search.experiment });
  const experiments = useExperiments(namespace).data?.experiments ?? [];
  const runs = data?.runs ?? [];
  const shown = runs.filter((r) => fits(r, search));
  if (error) return <Refusal error={error} />;
  return (
    <>
      <Toolbar>
        <SearchBox value={search.q ?? ""} onChange={(q) => set({ q })} />
        <select aria-label="State" value={search.state ?? ""} onChange={(e) => set({ state: e.target.value })}>
          <option value="">Any state</option>
          {STATES.map((each) => (
            <option key={each}>{each}</option>
          ))}
        </select>
        <select aria-label="Experiment" value={search.experiment ?? ""} onChange={(e) => set({ experiment: e.target.value })}>
          <option value="">Any experiment</option>
          {experiments.map((e) => (
            <option key={e.experiment_id} value={e.experiment_id}>
              {e.display_name}
            </option>
          ))}
        </select>
        <Segments label="Which runs" options={STORED} value={search.archived ? "Archived" : "Active"} onChange={(each) => set({ archived: each === "Archived" })} />
        <Segments label="Of which namespace" options={WHERE} value={search.all ? "All" : "This namespace"} onChange={(each) => set({ all: each === "All" })} />
      </Toolbar>
      {shown.length ? <RunTable runs={shown} namespace={namespace} experiments={experiments} /> : null}
      {data && !shown.length ? <Nothing any={runs.length > 0} everywhere={Boolean(search.all)} onAll={() => set({ all: true })} /> : null}
      {data && (data.total_size ?? 0) > runs.length ? (
        <p className="dim">The newest {runs.length} of {data.total_size}. Older ones are found by their experiment.</p>
      ) : null}
    </>
  );
}

function fits(run: Run, { q = "", state, archived = false }: ListSearch): boolean {
  const named = run.display_name.toLowerCase().includes(q.trim().toLowerCase());
  return named && (run.storage_state === "ARCHIVED") === archived && (!state || word(run.state) === state);
}

function Nothing({ any, everywhere, onAll }: { any: boolean; everywhere: boolean; onAll: () => void }) {
  if (any) return <p className="dim">No run fits this search.</p>;
  return (
    <Empty title="No pipeline has run here yet">
      Upload a compiled pipeline and create a run of it, or from a terminal: <code>pinnace run pipeline.py</code>.
      {everywhere ? null : (
        <p>
          What the SDK submits without a namespace runs in <code>kubeflow</code>:{" "}
          <button type="button" className="link" onClick={onAll}>
            look in all namespaces
          </button>
        </p>
      )}
    </Empty>
  );
}

interface TableProps {
  runs: Run[];
  namespace: string;
  /** Without it the column is left out: all runs are of one. */
  experiments?: Experiment[];
}

export function RunTable({ runs, namespace, experiments }: TableProps) {
  const here = useNamespace();
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const measured = useMeasures(runs.slice(0, 100), namespace).data;
  const pipelines = useNames(runs);
  const columns = useMemo(
    () => columnsOf({ here, chosen, setChosen, measured: measured ?? new Map(), experiments, runs, pipelines }),
    [here, chosen, measured, experiments, runs, pipelines],
  );
  const picked = runs.filter((r) => chosen.has(r.run_id));
  return (
    <>
      <Bulk runs={picked} onDone={() => setChosen(new Set())} />
      <div className="runs">
        <Table label="Runs" columns={columns} rows={runs} id={(r) => r.run_id} selected={(r) => chosen.has(r.run_id)} />
      </div>
    </>
  );
}

interface Given {
  here: string;
  runs: Run[];
  chosen: ReadonlySet<string>;
  setChosen: (ids: ReadonlySet<string>) => void;
  measured: Map<string, Map<string, number>>;
  experiments: Experiment[] | undefined;
  /** Names of pipelines and of versions by their ids. */
  pipelines: Map<string, string>;
}

function columnsOf({ here, chosen, setChosen, measured, experiments, runs, pipelines }: Given): Column<Run>[] {
  const toggle = (id: string) => {
    const next = new Set(chosen);
    if (!next.delete(id)) next.add(id);
    setChosen(next);
  };
  const value = (r: Run, name: string) => measured.get(r.run_id)?.get(name);
  const named = new Map((experiments ?? []).map((e) => [e.experiment_id, e.display_name]));
  const failures = runs.some((r) => r.error?.message);
  return [
    {
      title: "Compare",
      quiet: true,
      width: "36px",
      cell: (r) => <input type="checkbox" aria-label={`Choose ${r.display_name}`} checked={chosen.has(r.run_id)} onChange={() => toggle(r.run_id)} />,
    },
    { title: "Run", cell: (r) => <RunLink run={r} namespace={here} />, by: (r) => r.display_name },
    { title: "State", cell: (r) => <Mark phase={word(r.state)} />, by: (r) => word(r.state) },
    {
      title: "Duration",
      number: true,
      cell: (r) => <Duration from={r.created_at} to={time(r.finished_at)} />,
      by: (r) => seconds(r.created_at, time(r.finished_at), Date.now()) ?? 0,
    },
    ...commonest(measured, METRICS).map(
      (name): Column<Run> => ({
        title: name,
        number: true,
        cell: (r) => (value(r, name) === undefined ? <span className="dim">–</span> : digits(value(r, name) ?? 0)),
        by: (r) => value(r, name) ?? Number.NEGATIVE_INFINITY,
      }),
    ),
    { title: "Pipeline", cell: (r) => <Of run={r} named={pipelines} />, by: (r) => pipelines.get(r.pipeline_version_reference?.pipeline_id ?? "") ?? "" },
    ...(experiments ? [{ title: "Experiment", cell: (r: Run) => <InExperiment id={r.experiment_id} name={named.get(r.experiment_id ?? "")} />, by: (r: Run) => named.get(r.experiment_id ?? "") ?? "" }] : []),
    { title: "Started", cell: (r) => <Ago at={r.created_at} />, by: (r) => r.created_at },
    ...(failures ? [{ title: "Message", cell: (r: Run) => <div className="message" title={r.error?.message}>{r.error?.message}</div> }] : []),
    { title: "Actions", quiet: true, width: "44px", cell: (r) => <RunMenu run={r} /> },
  ];
}

function RunLink({ run, namespace }: { run: Run; namespace: string }) {
  return (
    <Link to="/$namespace/pipelines/runs/$id" params={{ namespace, id: run.run_id }} className="run-name" title={run.description || run.display_name}>
      {run.display_name}
    </Link>
  );
}

/** The pipeline, and in its tip the version; what recurs leads to its schedule. */
function Of({ run, named }: { run: Run; named: Map<string, string> }) {
  const namespace = useNamespace();
  const { pipeline_id: id, pipeline_version_id: version = "" } = run.pipeline_version_reference ?? {};
  const name = named.get(id ?? "");
  return (
    <>
      {id && name ? (
        <Link to="/$namespace/pipelines/$id" params={{ namespace, id }} search={version ? { version } : {}} className="plain-link of-pipeline" title={`${name}, version ${named.get(version) ?? version}`}>
          {named.get(version) === name ? name : `${name}, ${named.get(version) ?? ""}`}
        </Link>
      ) : (
        <span className="dim">–</span>
      )}
      {run.recurring_run_id ? (
        <Link to="/$namespace/pipelines/recurring/$id" params={{ namespace, id: run.recurring_run_id }} className="tag">
          recurring
        </Link>
      ) : null}
    </>
  );
}

export function InExperiment({ id, name }: { id: string | undefined; name: string | undefined }): ReactNode {
  const namespace = useNamespace();
  if (!id || !name) return <span className="dim">–</span>;
  return (
    <Link to="/$namespace/pipelines/experiments/$id" params={{ namespace, id }} className="plain-link">
      {name}
    </Link>
  );
}

/** What is done with all that are ticked. */
function Bulk({ runs, onDone }: { runs: Run[]; onDone: () => void }) {
  const namespace = useNamespace();
  const [deleting, setDeleting] = useState(false);
  const again = useRuns({ namespace }).refetch;
  if (!runs.length) return null;
  const archived = runs.every((r) => r.storage_state === "ARCHIVED");
  const store = async () => {
    const verb = archived ? "unarchive" : "archive";
    if (await attempt(Promise.all(runs.map((r) => post(`/runs/${r.run_id}:${verb}`))), `${runs.length} runs are ${archived ? "restored" : "archived"}`)) onDone();
    void again();
  };
  return (
    <div className="bulk" role="toolbar" aria-label="What is chosen">
      <span className="number">{runs.length} chosen</span>
      <Link to="/$namespace/pipelines/compare" params={{ namespace }} search={{ runs: runs.map((r) => r.run_id).join() }} className="button" disabled={runs.length < 2} aria-disabled={runs.length < 2}>
        {runs.length < 2 ? "Compare" : `Compare ${runs.length} runs`}
      </Link>
      <Button disabled={!archived && !runs.every(over)} onClick={() => void store()}>
        {archived ? "Restore" : "Archive"}
      </Button>
      <Button look="danger" onClick={() => setDeleting(true)}>
        Delete
      </Button>
      <Button look="ghost" onClick={onDone}>
        Choose none
      </Button>
      {deleting ? (
        <Confirm
          title={runs.length === 1 ? `Delete ${runs[0]?.display_name}?` : `Delete ${runs.length} runs?`}
          verb="Delete"
          onClose={() => setDeleting(false)}
          onConfirm={async () => {
            await Promise.all(runs.map((r) => drop(`/runs/${r.run_id}`)));
            notify(`${runs.length} deleted`);
            onDone();
            void again();
          }}
        >
          What still runs ends. What they left in the artifact repository stays until it is collected.
        </Confirm>
      ) : null}
    </div>
  );
}
