/** One recurring run: when it begins, with what, and what became of the runs so far. */

import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { Copy as Clone, Pause, Play, Trash2 } from "lucide-react";
import { type ReactNode, useState } from "react";
import { useNamespace } from "../app/namespace";
import { Button } from "../ui/Button";
import { Confirm } from "../ui/Dialog";
import { Facts } from "../ui/Facts";
import { Page } from "../ui/Page";
import { Ago } from "../ui/time";
import { Next, OnOff, useSteering } from "./Recurring";
import { Refusal } from "./Refusal";
import { InExperiment, RunTable } from "./Runs";
import { type Recurring, drop, useExperiments, useLiveRuns, useRecurringOne, useRuns } from "./kfp";
import { shown } from "./spec";
import { next, ofTrigger, told } from "./when";
import "./pipelines.css";

const SEEN = 5;

export function RecurringPage() {
  const { id } = useParams({ from: "/$namespace/pipelines/recurring/$id" });
  useLiveRuns();
  const { data, error } = useRecurringOne(id);
  if (error) return <Refusal error={error} />;
  return data ? <Found recurring={data} /> : null;
}

function Found({ recurring }: { recurring: Recurring }) {
  const namespace = useNamespace();
  const navigate = useNavigate();
  const { on, turn } = useSteering(recurring);
  const [deleting, setDeleting] = useState(false);
  const runs = (useRuns({ experiment: recurring.experiment_id }).data?.runs ?? []).filter((r) => r.recurring_run_id === recurring.recurring_run_id);
  const back = () => navigate({ to: "/$namespace/pipelines", params: { namespace }, search: { tab: "recurring" } });
  return (
    <Page
      title={recurring.display_name}
      crumbs={
        <Link to="/$namespace/pipelines" params={{ namespace }} search={{ tab: "recurring" }}>
          Recurring runs
        </Link>
      }
      facts={
        <>
          <OnOff recurring={recurring} />
          <span className={recurring.trigger?.cron_schedule ? "mono" : ""}>{told(recurring)}</span>
        </>
      }
      actions={
        <>
          <Button Icon={on ? Pause : Play} onClick={() => void turn()}>
            {on ? "Disable" : "Enable"}
          </Button>
          <Link to="/$namespace/pipelines/new" params={{ namespace }} search={{ recurring: recurring.recurring_run_id }} className="button">
            <Clone size={15} aria-hidden /> Clone
          </Link>
          <Button look="danger" Icon={Trash2} onClick={() => setDeleting(true)}>
            Delete
          </Button>
        </>
      }
    >
      {recurring.description ? <p className="dim pipeline-said">{recurring.description}</p> : null}
      <div className="grid pipeline-rest">
        <section className="card">
          <h2>Schedule</h2>
          <Schedule recurring={recurring} />
        </section>
        <section className="card">
          <h2>Parameters</h2>
          <Parameters recurring={recurring} />
        </section>
      </div>
      <section className="part">
        <h2>Runs so far</h2>
        {runs.length ? <RunTable runs={runs} namespace="" /> : <p className="dim">None yet.</p>}
      </section>
      {deleting ? (
        <Confirm
          title={`Delete ${recurring.display_name}?`}
          verb="Delete"
          onClose={() => setDeleting(false)}
          onConfirm={async () => {
            await drop(`/recurringruns/${recurring.recurring_run_id}`);
            await back();
          }}
        >
          No further run begins. The runs so far stay.
        </Confirm>
      ) : null}
    </Page>
  );
}

function Schedule({ recurring }: { recurring: Recurring }) {
  const { experiments = [] } = useExperiments().data ?? {};
  const when = ofTrigger(recurring.trigger);
  const experiment = experiments.find((e) => e.experiment_id === recurring.experiment_id);
  return (
    <Facts
      rows={[
        ["Trigger", `${told(recurring)}${when.kind === "cron" ? " (UTC, seconds first)" : ""}`],
        ["Next", <Next key="next" recurring={recurring} />],
        ["Then", recurring.status === "ENABLED" && recurring.trigger ? <Coming key="then" of={recurring} /> : ""],
        ["Begins", when.start && new Date(when.start).toLocaleString()],
        ["Ends", when.end && new Date(when.end).toLocaleString()],
        ["Missed runs", recurring.no_catchup ? "are left out: only the latest is caught up on" : "are caught up on"],
        ["At once", `at most ${recurring.max_concurrency ?? "1"}`],
        ["Experiment", experiment ? <InExperiment key="experiment" id={experiment.experiment_id} name={experiment.display_name} /> : ""],
        ["Namespace", recurring.namespace],
        ["Account", recurring.service_account],
        ["Created", <Ago key="created" at={recurring.created_at} />],
        ["Id", <span key="id" className="mono">{recurring.recurring_run_id}</span>],
      ]}
    />
  );
}

function Coming({ of: { trigger } }: { of: Recurring }): ReactNode {
  const found = trigger ? next(trigger, SEEN, new Date()).slice(1) : [];
  return found.map((at) => (
    <div key={at.getTime()} className="number">
      {at.toLocaleString()}
    </div>
  ));
}

function Parameters({ recurring }: { recurring: Recurring }) {
  const found = Object.entries(recurring.runtime_config?.parameters ?? {});
  if (!found.length) return <p className="dim">None: the defaults count.</p>;
  return <Facts rows={found.map(([name, value]): [string, ReactNode] => [name, <span key={name} className="mono">{shown(value)}</span>])} />;
}
