/** The cron workflows of a namespace: when each is due, how its last run went. */

import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { Play, Plus } from "lucide-react";
import { useMemo } from "react";
import { CRON_WORKFLOW, WORKFLOW, useMany } from "../api/resources";
import type { CronWorkflow, Workflow } from "../api/types";
import { useNamespace } from "../app/namespace";
import { useSearched } from "../app/searched";
import { Button, IconButton } from "../ui/Button";
import { Mark } from "../ui/Mark";
import { Page, SearchBox, Toolbar } from "../ui/Page";
import { type Column, Table } from "../ui/Table";
import { Empty, Problem } from "../ui/notes";
import { Ago } from "../ui/time";
import { attempt } from "../ui/toasts";
import { NewSchedule } from "./NewSchedule";
import { NextTimes } from "./NextTimes";
import { CRON_LABEL, runNow, suspend } from "./doing";
import { schedulesOf } from "./next";
import "./schedules.css";

export function ScheduleList() {
  const namespace = useNamespace();
  const { new: making } = useSearch({ from: "/$namespace/schedules" });
  const navigate = useNavigate({ from: "/$namespace/schedules" });
  const { items, loaded, error } = useMany(CRON_WORKFLOW, namespace);
  const last = useLastRuns(namespace);
  const [search, setSearch] = useSearched();
  const columns = useMemo(() => columnsWith(last), [last]);
  const shown = items.filter((s) => s.metadata.name.includes(search.trim()));
  return (
    <Page
      title="Schedules"
      facts={loaded && !error ? `${items.length} in ${namespace}` : null}
      actions={
        <Button look="primary" Icon={Plus} onClick={() => void navigate({ search: { new: true } })}>
          New schedule
        </Button>
      }
    >
      {error ? <Problem error={error} /> : null}
      {items.length ? (
        <Toolbar>
          <SearchBox value={search} onChange={setSearch} />
        </Toolbar>
      ) : null}
      {shown.length ? <Table label="Schedules" columns={columns} rows={shown} id={(s) => s.metadata.uid} /> : null}
      {items.length && !shown.length ? <p className="dim">No schedule of that name.</p> : null}
      {loaded && !error && !items.length ? (
        <Empty title="Nothing runs by the clock yet">
          A CronWorkflow runs a workflow at its times. Choose <strong>New schedule</strong> above, or{" "}
          <code>pinnace kubectl apply -f CRONWORKFLOW.yaml</code>.
        </Empty>
      ) : null}
      {making ? <NewSchedule namespace={namespace} onClose={() => void navigate({ search: {} })} /> : null}
    </Page>
  );
}

/** The newest run of each schedule. */
function useLastRuns(namespace: string): Map<string, Workflow> {
  const { items } = useMany(WORKFLOW, namespace);
  return useMemo(() => {
    const found = new Map<string, Workflow>();
    for (const run of items) {
      const of = run.metadata.labels?.[CRON_LABEL];
      if (of && !found.has(of)) found.set(of, run);
    }
    return found;
  }, [items]);
}

function columnsWith(last: Map<string, Workflow>): Column<CronWorkflow>[] {
  return [
    { title: "Name", cell: (s) => <Name schedule={s} />, by: (s) => s.metadata.name },
    { title: "When", cell: (s) => <When schedule={s} /> },
    { title: "Next", cell: (s) => <NextTimes schedule={s} /> },
    { title: "Last run", cell: (s) => <LastRun run={last.get(s.metadata.name)} /> },
    { title: "Runs", cell: (s) => <Counted schedule={s} /> },
    { title: "On", cell: (s) => <Switch schedule={s} />, by: (s) => (s.spec.suspend ? 1 : 0) },
    { title: "Run now", quiet: true, cell: (s) => <Now schedule={s} />, width: "48px" },
  ];
}

function Name({ schedule: { metadata } }: { schedule: CronWorkflow }) {
  return (
    <Link to="/$namespace/schedules/$name" params={{ namespace: metadata.namespace ?? "", name: metadata.name }}>
      {metadata.name}
    </Link>
  );
}

export function When({ schedule: { spec } }: { schedule: CronWorkflow }) {
  return (
    <span className="when">
      {schedulesOf(spec).map((schedule) => (
        <code key={schedule}>{schedule}</code>
      ))}
      {spec.timezone ? <span className="dim">{spec.timezone}</span> : null}
    </span>
  );
}

export function LastRun({ run }: { run: Workflow | undefined }) {
  if (!run) return <span className="dim">–</span>;
  const { name, namespace = "" } = run.metadata;
  return (
    <Link to="/$namespace/workflows/$name" params={{ namespace, name }} className="last-run" title={name}>
      <Mark phase={run.status?.phase} /> <Ago at={run.metadata.creationTimestamp} />
    </Link>
  );
}

function Counted({ schedule: { status } }: { schedule: CronWorkflow }) {
  const { succeeded = 0, failed = 0, active = [] } = status ?? {};
  return (
    <span className="number">
      {succeeded ? `${succeeded} succeeded` : null}
      {succeeded && failed ? ", " : null}
      {failed ? <span className="tone-bad">{failed} failed</span> : null}
      {succeeded || failed || active.length ? null : <span className="dim">none yet</span>}
      {active.length ? ` · ${active.length} now` : ""}
    </span>
  );
}

export function Switch({ schedule }: { schedule: CronWorkflow }) {
  const on = !schedule.spec.suspend;
  const { name } = schedule.metadata;
  return (
    <button
      type="button"
      role="switch"
      aria-checked={on}
      aria-label={`${name} runs by the clock`}
      className="switch"
      onClick={() => void attempt(suspend(schedule, on), on ? `${name} is suspended` : `${name} goes on`)}
    />
  );
}

function Now({ schedule }: { schedule: CronWorkflow }) {
  const { name } = schedule.metadata;
  return <IconButton label={`Run ${name} now`} Icon={Play} onClick={() => void attempt(runNow(schedule), `${name} runs`)} />;
}
