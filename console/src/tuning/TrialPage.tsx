import { useMemo } from "react";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { POD, useMany, useOne } from "../api/resources";
import { Conditions } from "../objects/Conditions";
import { Events } from "../objects/Events";
import { PodLog } from "../objects/PodLog";
import { Yaml } from "../objects/Yaml";
import { Chart } from "../ui/Chart";
import { Copy } from "../ui/Copy";
import { Facts } from "../ui/Facts";
import { Mark } from "../ui/Mark";
import { Page } from "../ui/Page";
import { Tabs } from "../ui/Tabs";
import { Empty, Problem } from "../ui/notes";
import { Duration } from "../ui/time";
import type { Pod } from "../api/types";
import { reported } from "./charts";
import { curves, metricsOf, useHistory } from "./history";
import { TRIAL, type Trial } from "./kinds";
import { short, standing, state } from "./results";
import "./tuning.css";

const FROM = "/$namespace/experiments/$name/$trial";

export function TrialPage() {
  const { namespace, name, trial: chosen } = useParams({ from: FROM });
  const { tab } = useSearch({ from: FROM });
  const navigate = useNavigate({ from: FROM });
  const { item: trial, loaded, error } = useOne(TRIAL, namespace, chosen);
  const crumbs = (
    <>
      <Link to="/$namespace/experiments" params={{ namespace }}>
        Experiments
      </Link>
      <span aria-hidden>/</span>
      <Link to="/$namespace/experiments/$name" params={{ namespace, name }}>
        {name}
      </Link>
    </>
  );
  if (error) return <Problem error={error} />;
  if (!trial)
    return loaded ? (
      <Empty title={`There is no trial ${chosen} in ${namespace}`} level={1}>
        {crumbs}
      </Empty>
    ) : null;
  return (
    <Page
      title={chosen}
      crumbs={crumbs}
      facts={
        <>
          <Mark phase={state(trial)} />
          <Duration from={trial.status?.startTime} to={trial.status?.completionTime} />
        </>
      }
    >
      <p className={state(trial) === "Failed" ? "problem" : "dim tuning-said"}>{standing(trial.status?.conditions)?.message}</p>
      <Tabs
        label="About this trial"
        value={tab}
        onChange={(value) => void navigate({ search: { tab: value }, replace: true })}
        tabs={[
          { value: "result", label: "Result and log", content: <Result trial={trial} /> },
          { value: "conditions", label: "Conditions", content: <Conditions items={trial.status?.conditions} /> },
          { value: "events", label: "Events", content: <Events namespace={namespace} name={chosen} kind="Trial" /> },
          { value: "yaml", label: "YAML", content: <Yaml of={TRIAL} item={trial} readOnly /> },
        ]}
      />
    </Page>
  );
}

function Result({ trial }: { trial: Trial }) {
  const { name, namespace = "" } = trial.metadata;
  const { items, loaded } = useMany(POD, namespace, { labels: `katib.kubeflow.org/trial=${name}` });
  const metrics = trial.status?.observation?.metrics ?? [];
  return (
    <>
      <div className="grid">
        <section className="card">
          <header>
            <h2>Parameters</h2>
            <Copy text={JSON.stringify(Object.fromEntries((trial.spec.parameterAssignments ?? []).map((a) => [a.name, a.value])), null, 2)} label="Copy the parameters" />
          </header>
          <Facts rows={(trial.spec.parameterAssignments ?? []).map((a) => [a.name, a.value])} />
        </section>
        <section className="card">
          <h2>Metrics</h2>
          {metrics.length ? (
            <Facts rows={metrics.map((m) => [m.name, `${short(m.latest ?? "")}${range(m.min, m.max)}`])} />
          ) : (
            <p className="dim">Nothing was reported yet.</p>
          )}
        </section>
      </div>
      <History trial={trial} pod={items[0]} />
      {items.map((pod) => (
        <PodLog key={pod.metadata.uid} pod={pod} />
      ))}
      {loaded && !items.length ? <p className="dim part">Its pods are gone, and their logs with them. An experiment keeps them with <code>trialTemplate.retain: true</code>.</p> : null}
    </>
  );
}

function History({ trial, pod }: { trial: Trial; pod: Pod | undefined }) {
  const names = metricsOf(trial);
  const found = curves(useHistory(trial, pod).data ?? [], names).filter((c) => c.points.length > 1);
  const option = useMemo(() => reported(found), [found]);
  if (!found.length) return null;
  return (
    <figure className="figure history">
      <figcaption>What it reported, report by report</figcaption>
      <Chart label={`${found.map((c) => `${c.points.length} reports of ${c.name}`).join(", ")}`} option={option} height={220} />
    </figure>
  );
}

function range(min: string | undefined, max: string | undefined): string {
  return min === undefined || max === undefined || min === max ? "" : ` (${short(min)} to ${short(max)})`;
}
