/** One schedule: its next times, its runs, its YAML. */

import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { Play } from "lucide-react";
import { CRON_WORKFLOW, WORKFLOW, useMany, useOne } from "../api/resources";
import type { CronWorkflow, Workflow } from "../api/types";
import { DeleteButton } from "../objects/DeleteButton";
import { Events } from "../objects/Events";
import { Yaml } from "../objects/Yaml";
import { Button } from "../ui/Button";
import { Facts } from "../ui/Facts";
import { Mark, word } from "../ui/Mark";
import { Page } from "../ui/Page";
import { type Column, Table } from "../ui/Table";
import { Tabs } from "../ui/Tabs";
import { Empty, Problem } from "../ui/notes";
import { Ago, Duration, moment } from "../ui/time";
import { attempt } from "../ui/toasts";
import { NextTimes } from "./NextTimes";
import { Switch, When } from "./ScheduleList";
import { CRON_LABEL, runNow } from "./doing";
import { schedulesOf } from "./next";
import "./schedules.css";

const RUNS: Column<Workflow>[] = [
  {
    title: "Run",
    cell: ({ metadata: { name, namespace = "" } }) => (
      <Link to="/$namespace/workflows/$name" params={{ namespace, name }}>
        {name}
      </Link>
    ),
    by: (w) => w.metadata.name,
  },
  { title: "State", cell: (w) => <Mark phase={w.status?.phase} />, by: (w) => word(w.status?.phase) },
  { title: "Duration", cell: (w) => <Duration from={w.status?.startedAt} to={w.status?.finishedAt} /> },
  { title: "Started", cell: (w) => <Ago at={w.metadata.creationTimestamp} />, by: (w) => w.metadata.creationTimestamp },
];

export function SchedulePage() {
  const { namespace, name } = useParams({ from: "/$namespace/schedules/$name" });
  const { item, loaded, error } = useOne(CRON_WORKFLOW, namespace, name);
  if (error)
    return (
      <Page title={name}>
        <Problem error={error} />
      </Page>
    );
  if (loaded && !item)
    return (
      <Empty title={`There is no schedule ${name} in ${namespace}`} level={1}>
        <Link to="/$namespace/schedules" params={{ namespace }}>
          All schedules
        </Link>
      </Empty>
    );
  return item ? <Known schedule={item} /> : null;
}

function Known({ schedule }: { schedule: CronWorkflow }) {
  const { namespace = "", name } = schedule.metadata;
  const { tab } = useSearch({ from: "/$namespace/schedules/$name" });
  const navigate = useNavigate({ from: "/$namespace/schedules/$name" });
  return (
    <Page
      title={name}
      crumbs={
        <Link to="/$namespace/schedules" params={{ namespace }}>
          Schedules
        </Link>
      }
      facts={
        <>
          <When schedule={schedule} />
          <span>
            {schedule.spec.suspend ? "" : "next "}
            <NextTimes schedule={schedule} />
          </span>
        </>
      }
      actions={
        <>
          <span className="switch-line">
            <Switch schedule={schedule} /> <span aria-hidden>{schedule.spec.suspend ? "Off" : "On"}</span>
          </span>
          <Button Icon={Play} onClick={() => void attempt(runNow(schedule), `${name} runs`)}>
            Run now
          </Button>
          <DeleteButton
            of={CRON_WORKFLOW}
            item={schedule}
            consequence="Its runs go with it; those that have ended stay in the archive."
            onDeleted={() => void navigate({ to: "/$namespace/schedules", params: { namespace } })}
          />
        </>
      }
    >
      <Tabs
        label="About this schedule"
        value={tab}
        onChange={(next) => void navigate({ search: { tab: next }, replace: true })}
        tabs={[
          { value: "runs", label: "Runs", content: <Runs namespace={namespace} name={name} /> },
          { value: "about", label: "About", content: <About schedule={schedule} /> },
          { value: "events", label: "Events", content: <Events namespace={namespace} kind="CronWorkflow" name={name} /> },
          { value: "yaml", label: "YAML", content: <Yaml of={CRON_WORKFLOW} item={schedule} /> },
        ]}
      />
    </Page>
  );
}

function Runs({ namespace, name }: { namespace: string; name: string }) {
  const { items, loaded } = useMany(WORKFLOW, namespace, { labels: `${CRON_LABEL}=${name}` });
  if (loaded && !items.length) return <Empty title="It has not run yet"><strong>Run now</strong> makes one run at once.</Empty>;
  return items.length ? <Table label="Runs" columns={RUNS} rows={items} id={(w) => w.metadata.uid} /> : null;
}

function About({ schedule }: { schedule: CronWorkflow }) {
  const { spec, status } = schedule;
  const more = spec as typeof spec & { concurrencyPolicy?: string; startingDeadlineSeconds?: number };
  return (
    <Facts
      rows={[
        ["When", schedulesOf(spec).join(", ")],
        ["Time zone", spec.timezone],
        ["Next times", <NextTimes key="next" schedule={schedule} count={5} />],
        ["If the one before still runs", more.concurrencyPolicy ?? "Allow"],
        ["Starting deadline", more.startingDeadlineSeconds === undefined ? undefined : `${more.startingDeadlineSeconds} s`],
        ["Last time", status?.lastScheduledTime && moment(new Date(status.lastScheduledTime))],
        ["Runs", `${status?.succeeded ?? 0} succeeded, ${status?.failed ?? 0} failed`],
        ["Template", spec.workflowSpec.workflowTemplateRef?.name],
        ["Said", status?.conditions?.map((c) => c.message).filter(Boolean).join("; ")],
      ]}
    />
  );
}
