/** What the gateway counted: by revision now, and over the last minutes. */

import { Link } from "@tanstack/react-router";
import { useMemo } from "react";
import { Chart } from "../ui/Chart";
import { type Column, Table } from "../ui/Table";
import { Problem } from "../ui/notes";
import { samples, useCounts } from "./counting";
import { type InferenceService, PARTS } from "./kinds";
import { shares } from "./rollout";
import { type Counters, type Rate, type Sample, milliseconds, perSecond, rates, recent } from "./statistics";

export function Measures({ service }: { service: InferenceService }) {
  const { name, namespace = "" } = service.metadata;
  const { byName, error, loaded } = useCounts(namespace);
  const counted = byName.get(name);
  if (error) return error.code === 404 ? <Elsewhere /> : <Problem error={error} />;
  if (!loaded || !counted) return null;
  const seen = samples(namespace, name);
  const shown = inColours(counted.revisions.filter((r) => r.weight > 0 || r.requests > 0 || r.held > 0), service);
  if (!shown.length) return null;
  return (
    <section className="part">
      <h2>Requests</h2>
      <Table label="Requests by revision" columns={columns(seen, shown)} rows={shown} id={(r) => r.name} />
      {shown.some((r) => r.requests > 0) ? (
        <Charts seen={seen} names={shown.map((r) => r.name)} />
      ) : (
        <p className="dim">
          Nobody has asked it yet.{" "}
          <Link from="/$namespace/endpoints/$name" to="." search={{ tab: "try" }}>
            Try it
          </Link>{" "}
          here, or from a terminal: its curl line stands there.
        </p>
      )}
    </section>
  );
}

function Elsewhere() {
  return <p className="dim">This cluster does not tell counters: only Pinnace&apos;s gateway serves them. Ask its Prometheus.</p>;
}

/** In the order, and so in the colours, in which the split above shows them; what gets nothing now comes after. */
function inColours(revisions: Counters[], service: InferenceService): Counters[] {
  const drawn = PARTS.flatMap((part) => shares(service.status?.components?.[part])).map((s) => s.revision);
  const place = (r: Counters) => (drawn.includes(r.name) ? drawn.indexOf(r.name) : drawn.length);
  return revisions.toSorted((a, b) => place(a) - place(b) || a.name.localeCompare(b.name));
}

function columns(seen: Sample[], shown: Counters[]): Column<Counters>[] {
  const rate = (r: Counters) => recent(seen, r.name) ?? undefined;
  return [
    { title: "Revision", cell: (r) => <Revision counters={r} colour={shown.indexOf(r)} /> },
    { title: "Traffic", number: true, cell: (r) => `${r.weight} %` },
    { title: "Requests/s", number: true, cell: (r) => perSecond(rate(r)?.requests) },
    { title: "Requests", number: true, cell: (r) => r.requests.toLocaleString() },
    { title: "Errors", number: true, cell: (r) => <Errors count={r.errors} /> },
    { title: "Refused", number: true, cell: (r) => r.rejected.toLocaleString() },
    { title: "p50", number: true, cell: (r) => milliseconds(r.p50) },
    { title: "p95", number: true, cell: (r) => milliseconds(r.p95) },
    { title: "p99", number: true, cell: (r) => milliseconds(r.p99) },
    { title: "Waiting", number: true, cell: (r) => r.held + r.active },
  ];
}

function Errors({ count }: { count: number }) {
  return count ? <span className="tone-bad">{count.toLocaleString()}</span> : <>0</>;
}

function Revision({ counters, colour }: { counters: Counters; colour: number }) {
  return (
    <span>
      <span className={`swatch share-${colour % 4}`} aria-hidden />
      {counters.name}
      {counters.tags.map((tag) => (
        <span key={tag} className="tag">
          {tag}
        </span>
      ))}
    </span>
  );
}

const MINUTES = 5;

function Charts({ seen, names }: { seen: Sample[]; names: string[] }) {
  const key = names.join();
  // biome-ignore lint/correctness/useExhaustiveDependencies: `key` stands for the names
  const series = useMemo(() => names.map((name) => ({ name, rates: rates(seen, name) })), [seen, key]);
  const last = seen.at(-1)?.at ?? 0;
  return (
    <div className="measures">
      <Over title="Requests a second" series={series} of={(r) => r.requests} last={last} />
      <Over title="Latency, 95th percentile (ms)" series={series} of={(r) => r.p95} last={last} />
      <Over title="Errors a second" series={series} of={(r) => r.errors} last={last} />
    </div>
  );
}

interface OverProps {
  title: string;
  series: { name: string; rates: Rate[] }[];
  of: (rate: Rate) => number | null;
  last: number;
}

function Over({ title, series, of, last }: OverProps) {
  const option = {
    grid: { left: 8, right: 12, top: 12, bottom: 4, containLabel: true },
    tooltip: { trigger: "axis", valueFormatter: (v: unknown) => (typeof v === "number" ? v.toFixed(1) : "–") },
    xAxis: { type: "time", min: last - MINUTES * 60_000, max: last, splitLine: { show: false } },
    yAxis: { type: "value", min: 0, minInterval: 1, splitNumber: 3 },
    series: series.map(({ name, rates: found }) => ({
      name,
      type: "line",
      showSymbol: found.length < 2,
      lineStyle: { width: 1.8 },
      data: found.map((r) => [r.at, of(r)]),
    })),
  };
  const now = series.map(({ name, rates: found }) => `${name} ${words(found.at(-1), of)}`).join(", ");
  return (
    <figure className="figure">
      <figcaption>{title}</figcaption>
      <Chart label={`${title} over the last ${MINUTES} minutes; now ${now}`} option={option} height={150} />
    </figure>
  );
}

function words(rate: Rate | undefined, of: (rate: Rate) => number | null): string {
  const value = rate ? of(rate) : null;
  return value === null ? "unknown" : value.toFixed(1);
}
