/** ECharts' options for what trials found. Pure. */

import type { EChartsCoreOption } from "echarts/core";
import type { Objective, ParameterSpec } from "./kinds";
import { type Row, logarithmic, numeric, records, short } from "./results";

const TIGHT = { left: 8, right: 16, top: 16, bottom: 4, containLabel: true };

const STOPPED = new Set(["EarlyStopped", "Killed"]);
type Point = [at: number | string, value: number, name: string, state: string];

/** Every trial a point, in the order of their start or at the time of their end; the best so far a line. */
export function overTrials(found: Row[], objective: Objective | undefined, by: "trial" | "time" = "trial"): EChartsCoreOption {
  const at = (row: Row, i: number) => (by === "trial" ? i + 1 : (row.trial.status?.completionTime ?? row.trial.metadata.creationTimestamp));
  const ordered = by === "trial" ? found : found.toSorted((a, b) => String(at(a, 0)).localeCompare(String(at(b, 0))));
  const points = ordered.flatMap((row, i): Point[] => (row.objective === null ? [] : [[at(row, i), row.objective, row.name, row.state]]));
  const { goal } = objective ?? {};
  const values = points.map(([, value]) => value);
  const near = goal !== undefined && values.length > 0 && goal >= Math.min(...values) - spread(values) && goal <= Math.max(...values) + spread(values);
  return {
    grid: TIGHT,
    tooltip: { trigger: "item", formatter: ({ data }: { data: Point }) => `${data[2] ?? ""}<br>${objective?.objectiveMetricName ?? ""} ${short(data[1])}${STOPPED.has(data[3]) ? " (stopped early)" : ""}` },
    xAxis: by === "trial" ? { type: "value", min: 1, max: Math.max(2, found.length), minInterval: 1, splitLine: { show: false } } : { type: "time", splitLine: { show: false } },
    yAxis: { type: "value", scale: true, splitNumber: 4 },
    series: [
      {
        type: "line",
        step: "end",
        showSymbol: false,
        lineStyle: { width: 1.5, opacity: 0.7 },
        tooltip: { show: false },
        data: records(ordered, objective).map((value, i) => [at(ordered[i] as Row, i), value]),
        ...(near ? { markLine: { silent: true, symbol: "none", label: { formatter: `goal ${goal}`, position: "insideStartTop", color: "#8893a5", textBorderWidth: 0 }, lineStyle: { type: "dashed" }, data: [{ yAxis: goal }] } } : {}),
      },
      { type: "scatter", symbolSize: 9, data: points.filter(([, , , state]) => !STOPPED.has(state)), itemStyle: { opacity: 0.9 } },
      { type: "scatter", symbol: "emptyCircle", symbolSize: 8, data: points.filter(([, , , state]) => STOPPED.has(state)) },
    ],
  };
}

function spread(values: number[]): number {
  return (Math.max(...values) - Math.min(...values)) / 2;
}

/** What a trial reported, step by step; a second metric has an axis of its own. */
export function reported(curves: { name: string; points: [number, number][] }[]): EChartsCoreOption {
  const shown = curves.filter((c) => c.points.length);
  return {
    grid: { ...TIGHT, top: 28 },
    legend: { show: shown.length > 1, top: 0, left: "center", icon: "roundRect", itemHeight: 4, itemWidth: 14 },
    tooltip: { trigger: "axis", valueFormatter: (value: unknown) => short(Number(value)) },
    xAxis: { type: "value", min: 1, minInterval: 1, splitLine: { show: false } },
    yAxis: shown.slice(0, 2).map((c, i) => ({ type: "value", scale: true, splitNumber: 4, ...(i ? { splitLine: { show: false } } : {}), ...(shown.length > 1 ? { name: c.name } : {}) })),
    series: shown.map((c, i) => ({ name: c.name, type: "line", showSymbol: c.points.length < 30, symbolSize: 6, yAxisIndex: Math.min(i, 1), data: c.points })),
  };
}

/** Every trial a line over its parameters to its objective; the best one stands out. */
export function parallel(found: Row[], parameters: ParameterSpec[], objective: Objective | undefined, best: string | undefined): EChartsCoreOption {
  const done = found.filter((row) => row.objective !== null);
  const goal = objective?.objectiveMetricName ?? "objective";
  const axes = parameters.map((parameter, dim) => ({ dim, name: parameter.name, ...scale(parameter, done) }));
  const value = (row: Row, p: ParameterSpec) => (numeric(p) ? Number(row.parameters.get(p.name)) : (row.parameters.get(p.name) ?? ""));
  const line = (row: Row) => ({
    name: row.name,
    value: [...parameters.map((p) => value(row, p)), row.objective],
    lineStyle: row.name === best ? { width: 3.5, opacity: 1 } : { width: 1.2, opacity: 0.55 },
  });
  const goals = done.map((row) => row.objective ?? 0);
  const ordered = done.toSorted((a, b) => Number(a.name === best) - Number(b.name === best));
  return {
    parallelAxis: [...axes, { dim: parameters.length, name: goal, type: "value", scale: true }],
    parallel: { left: 60, right: 80, top: 34, bottom: 20 },
    tooltip: { formatter: ({ name }: { name: string }) => name },
    visualMap: {
      show: false,
      dimension: parameters.length,
      min: Math.min(...goals),
      max: Math.max(...goals),
      inRange: { color: objective?.type === "minimize" ? ["#1f9d63", "#3b78e7", "#9aa5b7"] : ["#9aa5b7", "#3b78e7", "#1f9d63"] },
    },
    series: [{ type: "parallel", data: ordered.map(line) }],
  };
}

function scale(parameter: ParameterSpec, done: Row[]): object {
  if (logarithmic(parameter)) return { type: "log" };
  if (numeric(parameter)) return { type: "value", scale: true };
  const listed = parameter.feasibleSpace.list ?? [...new Set(done.map((row) => row.parameters.get(parameter.name) ?? ""))];
  return { type: "category", data: listed };
}
