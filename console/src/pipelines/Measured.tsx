/** Numbers, confusion matrices and ROC curves that components logged. */

import { Chart } from "../ui/Chart";
import { Stat, Stats } from "../ui/Stat";
import type { Artifact } from "./kfp";
import { type Curve, type Matrix, curves, matrices, metrics } from "./spec";

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
            <Stat key={name} name={name} value={String(Number(value.toPrecision(6)))} />
          ))}
        </Stats>
      ) : null}
      <div className="grid">
        {tables.map((matrix, i) => (
          <Confusion key={`${matrix.name} ${i}`} matrix={matrix} />
        ))}
        {lines.length ? <Roc curves={lines} /> : null}
      </div>
    </>
  );
}

/** A table whose cells are shaded: its numbers are read as they stand. */
function Confusion({ matrix: { name, labels, rows } }: { matrix: Matrix }) {
  const most = Math.max(1, ...rows.flat());
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
          {rows.map((row, i) => (
            <tr key={labels[i]}>
              <th scope="row">{labels[i]}</th>
              {row.map((count, j) => (
                <td key={labels[j]} style={{ background: `color-mix(in oklab, var(--accent) ${Math.round((count / most) * 45)}%, transparent)` }}>
                  {count}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </figure>
  );
}

function Roc({ curves: lines }: { curves: Curve[] }) {
  const option = {
    grid: { left: 8, right: 16, top: 16, bottom: 4, containLabel: true },
    legend: { show: lines.length > 1, bottom: 0 },
    tooltip: { trigger: "item" },
    xAxis: { type: "value", min: 0, max: 1, name: "false positives" },
    yAxis: { type: "value", min: 0, max: 1 },
    series: lines.map(({ name, points }) => ({ name, type: "line", showSymbol: false, data: points })),
  };
  return (
    <figure className="figure">
      <figcaption>ROC: true positives over false positives</figcaption>
      <Chart label={`ROC curve of ${lines.map((l) => l.name).join(", ")}`} option={option} height={260} />
    </figure>
  );
}
