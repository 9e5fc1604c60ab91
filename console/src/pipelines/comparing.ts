/** How parameters lead to metrics over several runs, as parallel coordinates. Pure. */

import type { EChartsCoreOption } from "echarts/core";
import type { Run } from "./kfp";

interface Row {
  name: string;
  values: string[];
  differs: boolean;
}

const MOST = 9;

/** null: nothing differs on both sides. */
export function lines(runs: Run[], parameters: Row[], metrics: Row[]): EChartsCoreOption | null {
  const given = parameters.filter((row) => row.differs);
  const found = metrics.filter((row) => row.differs);
  if (!given.length || !found.length) return null;
  const rows = [...given.slice(0, MOST - 1), ...found].slice(0, MOST);
  return {
    parallelAxis: rows.map((row, dim) => ({ dim, name: row.name, ...(numeric(row) ? { type: "value", scale: true } : { type: "category", data: [...new Set(row.values)] }) })),
    parallel: { left: 60, right: 70, top: 34, bottom: 20 },
    legend: { show: false },
    tooltip: { formatter: ({ name }: { name: string }) => name },
    series: runs.map((run, i) => ({
      name: run.display_name,
      type: "parallel",
      lineStyle: { width: 2.5, opacity: 0.85 },
      data: [{ name: run.display_name, value: rows.map((row) => (numeric(row) ? number(row.values[i]) : row.values[i])) }],
    })),
  };
}

function number(text: string | undefined): number {
  return Number((text ?? "").replaceAll(",", ""));
}

function numeric({ values }: Row): boolean {
  return values.every((v) => v !== "" && Number.isFinite(number(v)));
}
