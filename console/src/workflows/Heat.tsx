/** A confusion matrix as a heat map; a table, so that it is read out as one. */

import type { Matrix } from "./artifacts";

export function Heat({ matrix: { labels, cells } }: { matrix: Matrix }) {
  const most = Math.max(1, ...cells.flat());
  return (
    <div className="heat" tabIndex={0} role="region" aria-label="Confusion matrix">
      <table aria-label="Confusion matrix: rows are what it is, columns what was predicted">
        <thead>
          <tr>
            <td className="dim">is ＼ predicted</td>
            {labels.map((label) => (
              <th key={label} scope="col">
                {label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {cells.map((row, i) => (
            <tr key={labels[i]}>
              <th scope="row">{labels[i]}</th>
              {row.map((value, j) => (
                <td
                  key={labels[j]}
                  className="number"
                  style={{ background: `color-mix(in oklab, var(${i === j ? "--accent" : "--bad"}) ${Math.round((42 * value) / most)}%, transparent)` }}
                >
                  {value}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
