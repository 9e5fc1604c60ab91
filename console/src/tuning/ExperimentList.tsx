import { Link } from "@tanstack/react-router";
import { Plus } from "lucide-react";
import { useMemo } from "react";
import { useMany } from "../api/resources";
import { useNamespace } from "../app/namespace";
import { useSearched } from "../app/searched";
import { Mark } from "../ui/Mark";
import { Page, SearchBox, Toolbar } from "../ui/Page";
import { type Column, Table } from "../ui/Table";
import { Empty, Problem } from "../ui/notes";
import { Ago, Duration } from "../ui/time";
import { EXPERIMENT, type Experiment } from "./kinds";
import { short, state } from "./results";

export function ExperimentList() {
  const namespace = useNamespace();
  const { items, loaded, error } = useMany(EXPERIMENT, namespace);
  const [search, setSearch] = useSearched();
  const columns = useMemo(() => columnsOf(namespace), [namespace]);
  const shown = items.filter((e) => e.metadata.name.includes(search.trim()));
  return (
    <Page
      title="Experiments"
      facts={loaded && !error ? `${items.length} in ${namespace}` : null}
      actions={
        <Link to="/$namespace/experiments/new" params={{ namespace }} className="button button-primary">
          <Plus size={15} aria-hidden /> New experiment
        </Link>
      }
    >
      {error ? <Problem error={error} /> : null}
      {items.length ? (
        <Toolbar>
          <SearchBox value={search} onChange={setSearch} />
        </Toolbar>
      ) : null}
      {shown.length ? <Table label="Experiments" columns={columns} rows={shown} id={(e) => e.metadata.uid} /> : null}
      {items.length && !shown.length ? <p className="dim">No experiment fits this search.</p> : null}
      {loaded && !error && !items.length ? (
        <Empty title="No experiment yet">
          An experiment searches the parameters of a program for the best result.{" "}
          <Link to="/$namespace/experiments/new" params={{ namespace }}>
            Begin with a small one
          </Link>
          , or from a terminal: <code>pinnace kubectl apply -f examples/katib-digits/experiment.yaml</code>.
        </Empty>
      ) : null}
    </Page>
  );
}

function best(e: Experiment): string {
  const wanted = e.spec.objective?.objectiveMetricName;
  const metric = e.status?.currentOptimalTrial?.observation?.metrics?.find((m) => m.name === wanted);
  const strategy = e.spec.objective?.metricStrategies?.find((s) => s.name === wanted)?.value ?? "latest";
  return metric ? short(metric[strategy] ?? metric.latest ?? "") : "–";
}

function columnsOf(namespace: string): Column<Experiment>[] {
  return [
    {
      title: "Name",
      cell: ({ metadata: { name } }) => (
        <Link to="/$namespace/experiments/$name" params={{ namespace, name }}>
          {name}
        </Link>
      ),
      by: (e) => e.metadata.name,
    },
    { title: "State", cell: (e) => <Mark phase={state(e)} />, by: state },
    { title: "Trials", cell: (e) => <Trials experiment={e} />, by: (e) => e.status?.trials ?? 0 },
    { title: "Objective", cell: (e) => `${e.spec.objective?.type ?? ""} ${e.spec.objective?.objectiveMetricName ?? ""}` },
    { title: "Best", number: true, cell: best },
    { title: "Algorithm", cell: (e) => e.spec.algorithm?.algorithmName, by: (e) => e.spec.algorithm?.algorithmName ?? "" },
    { title: "Duration", number: true, cell: (e) => <Duration from={e.status?.startTime} to={e.status?.completionTime} /> },
    { title: "Created", cell: (e) => <Ago at={e.metadata.creationTimestamp} />, by: (e) => e.metadata.creationTimestamp },
  ];
}

function Trials({ experiment: { spec, status } }: { experiment: Experiment }) {
  const done = (status?.trialsSucceeded ?? 0) + (status?.trialsFailed ?? 0) + (status?.trialsEarlyStopped ?? 0) + (status?.trialsKilled ?? 0);
  const all = spec.maxTrialCount ?? status?.trials ?? 0;
  return (
    <span className="progress">
      <progress value={done} max={Math.max(1, all)} aria-label="Trials done" />
      <span className="number">
        {done}/{all || "∞"}
      </span>
    </span>
  );
}
