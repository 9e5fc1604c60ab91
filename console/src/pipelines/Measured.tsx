/** Numbers, confusion matrices and ROC curves that components logged. */

import { useMemo } from "react";
import { Chart } from "../ui/Chart";
import { Stat, Stats } from "../ui/Stat";
import type { Artifact } from "./kfp";
import { type Curve, type Matrix, curves, digits, matrices, metrics } from "./spec";

export function Measured({ artifacts }: { artifacts: Artifact[] }) {
  const [numbers, tables, lines] = [metrics(artifacts), matrices(artifacts), curves(artifacts)];
  if (!numbers.size && !tables.length && !lines.length)
    return (
      <p className="dim">
        No metric was logged. A component with an output of <code>dsl.Metrics</code> or <code>dsl.ClassificationMetrics</code> logs some.
      </p>
    );
  return (
    <>
      {numbers.size ? (
        <Stats>
          {[...numbers].map(([name, value]) => (
            <Stat key={name} name={name} value={<span title={String(value)}>{digits(value)}</span>} />
          ))}
        </Stats>
      ) : null}
      {tables.length || lines.length ? (
        <div className="grid figures">
          {tables.map((matrix, i) => (
            <Confusion key={`${matrix.name} ${i}`} matrix={matrix} />
          ))}
          {lines.length ? <Roc curves={lines} /> : null}
        </div>
      ) : null}
    </>
  );
}

/** A table whose cells are shaded by their share of the row: its numbers are read as they stand. */
export function Confusion({ matrix: { name, labels, rows } }: { matrix: Matrix }) {
  return (
    <figure className="figure confusion" tabIndex={0}>
      <figcaption>{name}: true labels down, predicted labels across</figcaption>
      <table aria-label={`Confusion matrix ${name}`}>
        <thead>
          <tr>
            <th>
              <span className="hidden">True label</span>
            </th>
            {labels.map((label) => (
              <th key={label}>{label}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, i) => {
            const all = Math.max(1, row.reduce((sum, n) => sum + n, 0));
            return (
              <tr key={labels[i]}>
                <th scope="row">{labels[i]}</th>
                {row.map((count, j) => (
                  <td key={labels[j]} title={`${Math.round((100 * count) / all)} % of ${labels[i]}`} style={{ background: `color-mix(in oklab, var(--accent) ${Math.round((count / all) * 45)}%, transparent)` }}>
                    {count}
                  </td>
                ))}
              </tr>
            );
          })}
        </tbody>
      </table>
    </figure>
  );
}

/** One line a curve, in the colours of the theme; the diagonal is chance. */
export function Roc({ curves: lines }: { curves: Curve[] }) {
  const option = useMemo(
    () => ({
      grid: { left: 42, right: 16, top: 12, bottom: lines.length > 1 ? 64 : 40 },
      legend: { show: lines.length > 1, bottom: 0, icon: "roundRect", itemHeight: 4, itemWidth: 14 },
      tooltip: { trigger: "axis", valueFormatter: (value: unknown) => String(Number(Number(value).toPrecision(4))) },
      xAxis: { type: "value", min: 0, max: 1, name: "false positive rate", nameLocation: "middle", nameGap: 24, splitLine: { show: false } },
      yAxis: { type: "value", min: 0, max: 1 },
      series: [
        ...lines.map(({ name, points }) => ({ name, type: "line", showSymbol: false, data: points.toSorted((a, b) => a[0] - b[0]), lineStyle: { width: 2 } })),
        { name: "chance", type: "line", silent: true, showSymbol: false, tooltip: { show: false }, data: [[0, 0], [1, 1]], lineStyle: { width: 1, type: "dashed", opacity: 0.5, color: "#8893a5" }, itemStyle: { color: "#8893a5" } },
      ],
    }),
    [lines],
  );
  return (
    <figure className="figure">
      <figcaption>ROC: true positive rate over false positive rate</figcaption>
      <Chart label={`ROC curve of ${lines.map((l) => l.name).join(", ")}`} option={option} height={lines.length > 1 ? 290 : 260} />
    </figure>
  );
}
