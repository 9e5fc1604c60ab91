/** ECharts' options for what trials found. Pure. */

import type { EChartsCoreOption } from "echarts/core";
import type { Objective, ParameterSpec } from "./kinds";
import { type Row, logarithmic, numeric, records, short } from "./results";

const TIGHT = { left: 8, right: 16, top: 16, bottom: 4, containLabel: true };

/** Every trial a point, in the order of their start; the best so far a line. */
export function overTrials(found: Row[], objective: Objective | undefined): EChartsCoreOption {
  return {
    grid: TIGHT,
    tooltip: { trigger: "item", formatter: ({ data }: { data: [number, number, string] }) => `${data[2] ?? ""} ${short(data[1])}` },
    xAxis: { type: "value", min: 1, max: Math.max(2, found.length), minInterval: 1, splitLine: { show: false } },
    yAxis: { type: "value", scale: true, splitNumber: 4 },
    series: [
      {
        type: "line",
        step: "end",
        showSymbol: false,
        lineStyle: { width: 1.5, opacity: 0.7 },
        tooltip: { show: false },
        data: records(found, objective).map((value, i) => [i + 1, value]),
      },
      { type: "scatter", symbolSize: 9, data: found.flatMap((row, i) => (row.objective === null ? [] : [[i + 1, row.objective, row.name]])) },
    ],
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
    parallel: { left: 50, right: 70, top: 34, bottom: 20 },
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
