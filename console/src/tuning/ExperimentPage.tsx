import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { type ReactNode, useMemo, useState } from "react";
import { useMany, useOne } from "../api/resources";
import { Conditions } from "../objects/Conditions";
import { DeleteButton } from "../objects/DeleteButton";
import { Events } from "../objects/Events";
import { Yaml } from "../objects/Yaml";
import { Chart } from "../ui/Chart";
import { Copy } from "../ui/Copy";
import { Mark } from "../ui/Mark";
import { Page } from "../ui/Page";
import { Stat, Stats } from "../ui/Stat";
import { type Column, Table } from "../ui/Table";
import { Tabs } from "../ui/Tabs";
import { Empty, Problem } from "../ui/notes";
import { Duration } from "../ui/time";
import { overTrials, parallel } from "./charts";
import { EXPERIMENT, type Experiment, TRIAL, trialsOf } from "./kinds";
import { Steering } from "./Steering";
import { type Row, importance, rows, short, standing, state } from "./results";
import "./tuning.css";

const FROM = "/$namespace/experiments/$name";

export function ExperimentPage() {
  const { namespace, name } = useParams({ from: FROM });
  const { item: experiment, loaded, error } = useOne(EXPERIMENT, namespace, name);
  const back = (
    <Link to="/$namespace/experiments" params={{ namespace }}>
      Experiments
    </Link>
  );
  if (error) return <Problem error={error} />;
  if (!experiment)
    return loaded ? (
      <Empty title={`There is no experiment ${name} in ${namespace}`} level={1}>
        {back}
      </Empty>
    ) : null;
  return <Found experiment={experiment} crumbs={back} />;
}

function Found({ experiment, crumbs }: { experiment: Experiment; crumbs: ReactNode }) {
  const { name, namespace = "" } = experiment.metadata;
  const { tab } = useSearch({ from: FROM });
  const navigate = useNavigate({ from: FROM });
  const { startTime, completionTime } = experiment.status ?? {};
  return (
    <Page
      title={name}
      crumbs={crumbs}
      facts={
        <>
          <Mark phase={state(experiment)} />
          <Duration from={startTime} to={completionTime} />
        </>
      }
      actions={
        <>
          <Steering experiment={experiment} />
          <DeleteButton
            of={EXPERIMENT}
            item={experiment}
            consequence="Its trials and their runs go with it. What lineage recorded of them stays."
            onDeleted={() => void navigate({ to: "/$namespace/experiments", params: { namespace } })}
          />
        </>
      }
    >
      <p className={state(experiment) === "Failed" ? "problem" : "dim tuning-said"}>{standing(experiment.status?.conditions)?.message}</p>
      <Tabs
        label="About this experiment"
        value={tab}
        onChange={(value) => void navigate({ search: { tab: value }, replace: true })}
        tabs={[
          { value: "trials", label: "Trials", content: <Trials experiment={experiment} /> },
          { value: "conditions", label: "Conditions", content: <Conditions items={experiment.status?.conditions} /> },
          { value: "events", label: "Events", content: <Events namespace={namespace} name={name} kind="Experiment" /> },
          { value: "yaml", label: "YAML", content: <Yaml of={EXPERIMENT} item={experiment} /> },
        ]}
      />
    </Page>
  );
}

function Trials({ experiment }: { experiment: Experiment }) {
  const { name, namespace = "" } = experiment.metadata;
  const { items, loaded } = useMany(TRIAL, namespace, { labels: trialsOf(name) });
  const { objective } = experiment.spec;
  const found = useMemo(() => rows(items, objective), [items, objective]);
  const best = experiment.status?.currentOptimalTrial?.bestTrialName;
  const failed = found.some((r) => r.state === "Failed");
  const columns = useMemo(() => columnsOf(experiment, best, failed), [experiment, best, failed]);
  return (
    <>
      <Summary experiment={experiment} found={found} best={best} />
      <Charts experiment={experiment} found={found} best={best} />
      {found.length ? (
        <section className="part">
          <h2>Trials</h2>
          <Table label="Trials" columns={columns} rows={found.toReversed()} id={(r) => r.trial.metadata.uid} selected={(r) => r.name === best} />
        </section>
      ) : null}
      {loaded && !found.length ? <p className="dim">No trial yet: the algorithm thinks about the first ones.</p> : null}
    </>
  );
}

function Summary({ experiment, found, best }: { experiment: Experiment; found: Row[]; best: string | undefined }) {
  const { spec, status = {} } = experiment;
  const row = found.find((r) => r.name === best);
  const { objective } = spec;
  const goal = objective?.goal === undefined ? "" : `, goal ${objective.goal}`;
  return (
    <Stats>
      <Stat
        name={`Best ${objective?.objectiveMetricName ?? "objective"}`}
        value={row?.objective === null || row === undefined ? "–" : short(row.objective)}
        detail={`${objective?.type ?? ""}${goal}`}
      />
      <Stat
        name="Best trial"
        value={best ? <span className="best-name"><TrialLink experiment={experiment} name={best} /></span> : "–"}
        detail={
          row ? (
            <span className="best-told">
              {told(row)}
              <Copy text={JSON.stringify(Object.fromEntries(row.parameters), null, 2)} label="Copy its parameters" />
            </span>
          ) : null
        }
      />
      <Stat
        name="Trials"
        value={`${status.trials ?? 0} of ${spec.maxTrialCount ?? "∞"}`}
        detail={[
          [status.trialsRunning, "running"], [status.trialsSucceeded, "succeeded"], [status.trialsFailed, "failed"],
          [status.trialsEarlyStopped, "stopped early"], [status.trialMetricsUnavailable, "without metrics"],
        ].filter(([n]) => n).map((pair) => pair.join(" ")).join(", ")}
      />
      <Stat name="Algorithm" value={spec.algorithm?.algorithmName ?? "–"} detail={spec.earlyStopping?.algorithmName} />
    </Stats>
  );
}

function told(row: Row): string {
  return [...row.parameters].map(([name, value]) => `${name} ${short(value)}`).join(", ");
}

const AXES = ["by trial", "by time"] as const;

function Charts({ experiment, found, best }: { experiment: Experiment; found: Row[]; best: string | undefined }) {
  const { objective, parameters = [] } = experiment.spec;
  const done = found.filter((r) => r.objective !== null);
  const weights = useMemo(() => importance(found, parameters), [found, parameters]);
  const [by, setBy] = useState<(typeof AXES)[number]>("by trial");
  const over = useMemo(() => overTrials(found, objective, by === "by trial" ? "trial" : "time"), [found, objective, by]);
  const lines = useMemo(() => parallel(found, parameters, objective, best), [found, parameters, objective, best]);
  const navigate = useNavigate({ from: FROM });
  if (!done.length) return null;
  const goal = objective?.objectiveMetricName ?? "objective";
  const open = (name: string) => {
    if (found.some((r) => r.name === name)) void navigate({ to: "/$namespace/experiments/$name/$trial", params: (old) => ({ ...old, trial: name }) });
  };
  return (
    <>
      <div className="search-charts">
        <figure className="figure">
          <figcaption className="caption-tools">
            <span>{goal} of every trial; the line is the best so far</span>
            <span className="segments small">
              {AXES.map((each) => (
                <button key={each} type="button" aria-pressed={each === by} onClick={() => setBy(each)}>
                  {each}
                </button>
              ))}
            </span>
          </figcaption>
          <Chart label={`${goal} of ${done.length} trials, the best is ${best ?? "not known"}`} option={over} height={220} onClick={({ data }) => open(String((data as unknown[])[2]))} />
        </figure>
        <figure className="figure">
          <figcaption>How far {goal} follows each parameter</figcaption>
          {weights.length ? <Weights weights={weights} /> : <p className="dim">It takes five finished trials to tell.</p>}
        </figure>
      </div>
      <figure className="figure">
        <figcaption>Each line is a trial; the thick one is the best</figcaption>
        <Chart label={`Parallel coordinates of ${done.length} trials; the table below has every value`} option={lines} height={260} onClick={({ name }) => open(name)} />
      </figure>
    </>
  );
}

function Weights({ weights }: { weights: { name: string; share: number }[] }) {
  return (
    <dl className="weights">
      {weights.map(({ name, share }) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>
            <span className="weight" style={{ width: `${Math.round(share * 100)}%` }} aria-hidden />
            <span className="number">{Math.round(share * 100)} %</span>
          </dd>
        </div>
      ))}
    </dl>
  );
}

function TrialLink({ experiment, name }: { experiment: Experiment; name: string }) {
  const { namespace = "" } = experiment.metadata;
  return (
    <Link to="/$namespace/experiments/$name/$trial" params={{ namespace, name: experiment.metadata.name, trial: name }}>
      {name}
    </Link>
  );
}

function columnsOf(experiment: Experiment, best: string | undefined, failed: boolean): Column<Row>[] {
  const { objective, parameters = [] } = experiment.spec;
  const metrics = [objective?.objectiveMetricName ?? "", ...(objective?.additionalMetricNames ?? [])].filter(Boolean);
  return [
    {
      title: "Trial",
      cell: (r) => (
        <>
          <TrialLink experiment={experiment} name={r.name} />
          {r.name === best ? <span className="tag">best</span> : null}
        </>
      ),
      by: (r) => r.name,
    },
    { title: "State", cell: (r) => <Mark phase={r.state} />, by: (r) => r.state },
    ...metrics.map(
      (name): Column<Row> => ({
        title: name,
        number: true,
        cell: (r) => short(r.metrics.get(name) ?? "–"),
        by: (r) => r.metrics.get(name) ?? Number.NEGATIVE_INFINITY,
      }),
    ),
    ...parameters.map(
      ({ name, parameterType }): Column<Row> => ({
        title: name,
        number: parameterType !== "categorical",
        cell: (r) => short(r.parameters.get(name) ?? ""),
        by: (r) => (parameterType === "categorical" ? (r.parameters.get(name) ?? "") : Number(r.parameters.get(name))),
      }),
    ),
    { title: "Duration", number: true, cell: (r) => <Duration from={r.trial.status?.startTime} to={r.trial.status?.completionTime} /> },
    ...(failed ? [{ title: "Message", cell: (r: Row) => <div className="message">{r.state === "Failed" ? standing(r.trial.status?.conditions)?.message : ""}</div> }] : []),
  ];
}
