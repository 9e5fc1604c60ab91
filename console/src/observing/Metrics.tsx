/** A dashboard for each endpoint and job, and one of the whole, that nobody has to set up. */

import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useMemo } from "react";
import { POD, useMany } from "../api/resources";
import { useNamespace } from "../app/namespace";
import { bytes, short } from "../objects/quantity";
import { SelectField } from "../ui/Fields";
import { Page } from "../ui/Page";
import { type Column, Table } from "../ui/Table";
import { Empty } from "../ui/notes";
import { TimeChart } from "./TimeChart";
import "./observing.css";
import { type PodSeries, type Traffic, usePlatformSeries, usePodSeries, useTraffic } from "./samples";
import { type Group, type Series, groups, latest, only } from "./series";

const FROM = "/$namespace/metrics";
const ENDED = new Set(["Succeeded", "Failed"]);

/** Below a tenth of a core in thousandths, as Kubernetes counts. */
const cores = (value: number): string => (value > 0 && value < 0.1 ? `${Math.round(value * 1000)} m` : `${short(value)} ${value === 1 ? "core" : "cores"}`);
const rate = (value: number): string => `${short(value)}/s`;
const milliseconds = (value: number): string => `${short(value)} ms`;

export function Metrics() {
  const namespace = useNamespace();
  const { of } = useSearch({ from: FROM });
  const navigate = useNavigate({ from: FROM });
  const pods = useMany(POD, namespace);
  const use = usePodSeries(namespace);
  const { traffic, endpoints } = useTraffic(namespace);
  const live = useMemo(() => pods.items.filter((pod) => !ENDED.has(pod.status?.phase ?? "")), [pods.items]);
  const all = useMemo(() => groups(live, endpoints), [live, endpoints]);
  const chosen = all.find((group) => group.id === of);
  const choose = (id: string) => void navigate({ search: id ? { of: id } : {}, replace: true });
  return (
    <Page title="Metrics" facts="measured while this page is open, at most 15 minutes">
      <div className="tools metrics-tools">
        <SelectField label="Dashboard of" value={chosen?.id ?? ""} options={options(all, namespace, of)} onChange={choose} />
      </div>
      {use.missing ? <p className="warning">This server has no metrics API (metrics.k8s.io): pods' CPU and memory are not measured.</p> : null}
      {chosen ? <Dashboard namespace={namespace} group={chosen} use={use} traffic={traffic} /> : <Overview groups={all} use={use} traffic={traffic} loaded={pods.loaded} />}
    </Page>
  );
}

function options(all: Group[], namespace: string, of: string | undefined) {
  const gone = of && !all.some((group) => group.id === of) ? [{ value: "", label: `${of} (not at work now)` }] : [];
  return [...gone, { value: "", label: `everything in ${namespace}` }, ...all.map(({ id, kind, name }) => ({ value: id, label: `${kind} ${name}` }))];
}

function Overview({ groups: all, use, traffic, loaded }: { groups: Group[]; use: PodSeries; traffic: Traffic; loaded: boolean }) {
  return (
    <>
      <div className="charts">
        <TimeChart title="CPU by pod" series={use.cpu} show={cores} />
        <TimeChart title="Memory by pod" series={use.memory} show={bytes} binary />
        {traffic.requests.size ? <TrafficCharts traffic={traffic} /> : null}
      </div>
      {all.length ? <Groups groups={all} use={use} /> : null}
      {loaded && all.length === 0 ? <Empty title="Nothing is at work here">Endpoints, jobs, workflows and notebooks get a dashboard when they start.</Empty> : null}
      <Platform />
    </>
  );
}

function TrafficCharts({ traffic }: { traffic: Traffic }) {
  return (
    <>
      <TimeChart title="Requests" series={traffic.requests} show={rate} />
      <TimeChart title="Errors" series={traffic.errors} show={rate} />
      <TimeChart title="Latency, p95" series={traffic.p95} show={milliseconds} total={false} />
    </>
  );
}

function Dashboard({ namespace, group, use, traffic }: { namespace: string; group: Group; use: PodSeries; traffic: Traffic }) {
  const mine = (series: Series): Series => new Map([...series].filter(([name]) => name.startsWith(`${group.name} `)));
  const own = { requests: mine(traffic.requests), errors: mine(traffic.errors), p95: mine(traffic.p95) };
  return (
    <>
      <div className="charts">
        {group.kind === "Endpoint" ? <TrafficCharts traffic={own} /> : null}
        <TimeChart title="CPU by pod" series={only(use.cpu, group.pods)} show={cores} />
        <TimeChart title="Memory by pod" series={only(use.memory, group.pods)} show={bytes} binary />
      </div>
      <p>
        <Link to="/$namespace/logs" params={{ namespace }} search={{ pods: group.pods.join(",") }}>
          Logs of its {group.pods.length === 1 ? "pod" : `${group.pods.length} pods`}
        </Link>
      </p>
    </>
  );
}

function Groups({ groups: all, use }: { groups: Group[]; use: PodSeries }) {
  const of = (series: Series, group: Group) => latest(only(series, group.pods));
  const said = (series: Series, group: Group, show: (value: number) => string) =>
    only(series, group.pods).size ? show(of(series, group)) : <span className="dim">–</span>;
  const columns: Column<Group>[] = [
    { title: "Name", cell: (g) => <Link from={FROM} to="." search={{ of: g.id }}>{g.name}</Link>, by: (g) => g.name },
    { title: "Kind", cell: (g) => g.kind, by: (g) => g.kind },
    { title: "Pods", cell: (g) => g.pods.length, by: (g) => g.pods.length, number: true },
    { title: "CPU", cell: (g) => said(use.cpu, g, cores), by: (g) => of(use.cpu, g), number: true },
    { title: "Memory", cell: (g) => said(use.memory, g, bytes), by: (g) => of(use.memory, g), number: true },
  ];
  return <Table label="At work" columns={columns} rows={all} id={(g) => g.id} />;
}

function Platform() {
  const { requests, latency, waiting, missing } = usePlatformSeries();
  if (missing) return null;
  return (
    <section aria-label="The platform itself" className="metrics-platform">
      <h2>The platform itself</h2>
      <div className="charts">
        <TimeChart title="Requests to the API" series={requests} show={rate} />
        <TimeChart title="Delays" series={latency} show={milliseconds} total={false} />
        <TimeChart title="Objects waiting for their controllers" series={waiting} show={short} />
      </div>
    </section>
  );
}
