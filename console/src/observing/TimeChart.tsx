import { useMemo } from "react";
import { Chart } from "../ui/Chart";
import { type Series, latest } from "./series";

interface Props {
  title: string;
  series: Series;
  show: (value: number) => string;
  /** Sums mean nothing of latencies: then the highest is told. */
  total?: boolean;
  /** Ticks of the scale at powers of two. */
  binary?: boolean;
}

const MOST = 12;

/** Lines over the last minutes, with what they come to now. */
export function TimeChart({ title, series, show, total = true, binary = false }: Props) {
  const drawn = useMemo(() => highest(series), [series]);
  const now = total ? latest(series) : Math.max(0, ...[...series.values()].map((points) => points.at(-1)?.value ?? 0));
  const option = useMemo(() => chart(drawn, show, binary), [drawn, show, binary]);
  return (
    <figure className="time-chart">
      <figcaption>
        <span className="dim">{title}</span> <span className="number">{series.size ? show(now) : "–"}</span>
      </figcaption>
      {series.size ? <Chart label={`${title}, now ${show(now)}`} option={option} height={150} /> : <p className="time-chart-none dim">Nothing is measured yet.</p>}
    </figure>
  );
}

function highest(series: Series): Series {
  if (series.size <= MOST) return series;
  const sorted = [...series].sort(([, a], [, b]) => (b.at(-1)?.value ?? 0) - (a.at(-1)?.value ?? 0));
  return new Map(sorted.slice(0, MOST));
}

const WINDOW = 15 * 60_000;
const LEAST = 2 * 60_000;

function chart(series: Series, show: (value: number) => string, binary: boolean) {
  const points = [...series.values()].flat();
  const last = points.reduce((most, { at }) => Math.max(most, at), 0);
  const first = points.reduce((least, { at }) => Math.min(least, at), last);
  const most = points.reduce((highest, { value }) => Math.max(highest, value), 0);
  return {
    grid: { left: 6, right: 12, top: 10, bottom: 4, containLabel: true },
    tooltip: { trigger: "axis", valueFormatter: (value: unknown) => (typeof value === "number" ? show(value) : "–"), confine: true },
    // As long as was looked at, and never a moment stretched over days.
    xAxis: { type: "time", min: Math.max(last - WINDOW, Math.min(first, last - LEAST)), max: last, splitNumber: 4, splitLine: { show: false }, axisLabel: { hideOverlap: true } },
    yAxis: { type: "value", min: 0, splitNumber: 3, ...(binary ? binaryScale(most) : {}), axisLabel: { formatter: show } },
    series: [...series].map(([name, line]) => ({
      name, type: "line", showSymbol: line.length === 1, symbolSize: 5, lineStyle: { width: 1.5 },
      data: line.map(({ at, value }) => [at, value]),
    })),
  };
}

/** Steps of a power of two: scales of bytes have round numbers then. */
function binaryScale(most: number): { interval: number; max: number } {
  const interval = 2 ** Math.ceil(Math.log2(Math.max(1, most / 3)));
  return { interval, max: interval * Math.max(1, Math.ceil(most / interval)) };
}
