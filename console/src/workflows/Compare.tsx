/** Several runs side by side: parameters, metrics, and how the one leads to the other. */

import { useQueries } from "@tanstack/react-query";
import { Link, useParams, useSearch } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { KubeError, get } from "../api/kube";
import { WORKFLOW, object } from "../api/resources";
import type { Workflow } from "../api/types";
import { Chart } from "../ui/Chart";
import { Page, Toolbar } from "../ui/Page";
import { Empty, Problem } from "../ui/notes";
import { metrics } from "./artifacts";
import { type Row, compared, metricFiles, parallel } from "./comparing";
import { archived } from "./steering";
import "./workflows.css";

interface Whole {
  run: Workflow;
  found: [string, number][];
}

async function load(namespace: string, name: string): Promise<Whole> {
  const run = await get<Workflow>(object(WORKFLOW, namespace, name)).catch(() => archived(namespace, name));
  const files = await Promise.all(metricFiles(run).map(async ({ node, name: file }) => read(namespace, run.metadata.name, node.id, file)));
  return { run, found: files.flat() };
}

async function read(namespace: string, run: string, node: string, file: string): Promise<[string, number][]> {
  try {
    return metrics(await get<unknown>(`/artifacts/${[namespace, run, node, file].map(encodeURIComponent).join("/")}`))?.values ?? [];
  } catch {
    return []; // no JSON, or gone: then it is no metric
  }
}

export function Compare() {
  const { namespace } = useParams({ from: "/$namespace/workflows/compare" });
  const { runs = "" } = useSearch({ from: "/$namespace/workflows/compare" });
  const names = runs.split(",").filter(Boolean);
  const answers = useQueries({
    queries: names.map((name) => ({ queryKey: ["compare", namespace, name], queryFn: () => load(namespace, name), retry: false })),
  });
  const whole = answers.flatMap((a) => (a.data ? [a.data] : []));
  const error = answers.find((a) => a.error)?.error;
  return (
    <Page
      title="Compare runs"
      crumbs={
        <Link to="/$namespace/workflows" params={{ namespace }}>
          Workflows
        </Link>
      }
      facts={`${names.length} runs`}
    >
      {error ? <Problem error={KubeError.of(error)} /> : null}
      {names.length < 2 ? (
        <Empty title="Nothing to compare">
          Choose two or more runs in the <Link to="/$namespace/workflows" params={{ namespace }}>list</Link> and press <strong>Compare</strong>.
        </Empty>
      ) : null}
      {whole.length > 1 ? <Side whole={whole} namespace={namespace} /> : null}
    </Page>
  );
}

function Side({ whole, namespace }: { whole: Whole[]; namespace: string }) {
  const [only, setOnly] = useState(false);
  const all = compared(whole.map((w) => w.run), new Map(whole.map((w) => [w.run.metadata.uid, w.found])));
  const sections: [string, Row[]][] = [["Run", all.facts], ["Parameters", all.parameters], ["Metrics", all.metrics]];
  return (
    <>
      <Lines all={all} />
      <Toolbar>
        <label className="tool-check">
          <input type="checkbox" checked={only} onChange={(e) => setOnly(e.target.checked)} /> Only what differs
        </label>
      </Toolbar>
      <div className="table-frame compare" tabIndex={0} role="region" aria-label="Runs side by side">
        <table aria-label="Runs side by side">
          <thead>
            <tr>
              <th>
                <span className="hidden">What</span>
              </th>
              {all.names.map((name) => (
                <th key={name}>
                  <Link to="/$namespace/workflows/$name" params={{ namespace, name }}>
                    {name}
                  </Link>
                </th>
              ))}
            </tr>
          </thead>
          {sections.map(([title, rows]) => (
            <Section key={title} title={title} rows={rows.filter((row) => row.differs || !only)} width={all.names.length + 1} />
          ))}
        </table>
      </div>
    </>
  );
}

function Section({ title, rows, width }: { title: string; rows: Row[]; width: number }) {
  if (!rows.length) return null;
  return (
    <tbody>
      <tr className="compare-title">
        <th colSpan={width} scope="rowgroup">
          {title}
        </th>
      </tr>
      {rows.map((row) => (
        <tr key={row.name} className={row.differs ? "compare-differs" : ""}>
          <th scope="row">
            {row.name}
            {row.differs ? <span className="hidden"> (differs)</span> : null}
          </th>
          {row.values.map((value, i) => (
            <td key={i} className="number">
              {value ?? <span className="dim">–</span>}
            </td>
          ))}
        </tr>
      ))}
    </tbody>
  );
}

const words = (data: string[]) => ({ type: "category", data, axisTick: { show: false }, axisLabel: LABEL });

const LABEL = { margin: 6, fontSize: 11 };

function Lines({ all }: { all: ReturnType<typeof compared> }) {
  const { axes, lines } = parallel(all);
  const key = JSON.stringify([axes, lines, all.names]);
  const option = useMemo(
    () => {
      const [wanted, drawn, names] = JSON.parse(key) as [typeof axes, typeof lines, string[]];
      return {
        parallelAxis: wanted.map((axis, dim) => ({ dim, name: axis.name, nameGap: 14, ...(axis.words ? words(axis.words) : { scale: true, splitNumber: 4, axisLabel: LABEL }) })),
        parallel: { left: 60, right: 80, top: 36, bottom: drawn.length < 9 ? 48 : 16 },
        tooltip: {},
        series: drawn.map((line, i) => ({ type: "parallel", name: names[i], lineStyle: { width: 2, opacity: 0.9 }, emphasis: { lineStyle: { width: 3.5 } }, data: [line] })),
        legend: { bottom: 0, data: names, show: drawn.length < 9, icon: "roundRect", itemWidth: 12, itemHeight: 12, itemGap: 16 },
      };
    },
    [key],
  );
  if (axes.length < 2) return null;
  return (
    <section className="card">
      <Chart label={`Parallel coordinates of ${lines.length} runs over ${axes.map((a) => a.name).join(", ")}`} option={option} height={300} />
    </section>
  );
}
