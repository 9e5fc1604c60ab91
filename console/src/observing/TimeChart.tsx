import { useMemo } from "react";
import { Chart } from "../ui/Chart";
import { type Series, latest } from "./series";

interface Props {
  title: string;
  series: Series;
  show: (value: number) => string;
  /** Sums mean nothing of latencies: then the highest is told. */
  total?: boolean;
}

const MOST = 12;

/** Lines over the last minutes, with what they come to now. */
export function TimeChart({ title, series, show, total = true }: Props) {
  const drawn = useMemo(() => highest(series), [series]);
  const now = total ? latest(series) : Math.max(0, ...[...series.values()].map((points) => points.at(-1)?.value ?? 0));
  const option = useMemo(() => chart(drawn, show), [drawn, show]);
  return (
    <figure className="time-chart">
      <figcaption>
        <span className="dim">{title}</span> <span className="number">{series.size ? show(now) : "–"}</span>
      </figcaption>
      <Chart label={`${title}, now ${show(now)}`} option={option} height={150} />
    </figure>
  );
}

function highest(series: Series): Series {
  if (series.size <= MOST) return series;
  const sorted = [...series].sort(([, a], [, b]) => (b.at(-1)?.value ?? 0) - (a.at(-1)?.value ?? 0));
  return new Map(sorted.slice(0, MOST));
}

function chart(series: Series, show: (value: number) => string) {
  return {
    grid: { left: 6, right: 12, top: 10, bottom: 4, containLabel: true },
    tooltip: { trigger: "axis", valueFormatter: (value: unknown) => (typeof value === "number" ? show(value) : "–"), confine: true },
    xAxis: { type: "time", splitNumber: 4, splitLine: { show: false }, axisLabel: { hideOverlap: true } },
    yAxis: { type: "value", min: 0, splitNumber: 3, axisLabel: { formatter: show } },
    series: [...series].map(([name, points]) => ({
      name, type: "line", showSymbol: points.length === 1, symbolSize: 5, lineStyle: { width: 1.5 },
      data: points.map(({ at, value }) => [at, value]),
    })),
  };
}
