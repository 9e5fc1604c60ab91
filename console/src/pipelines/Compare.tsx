/** Runs side by side: how they ended, what they were given and measured; curves together, pages beside each other. */

import { useQueries } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { get } from "../api/kube";
import { useNamespace } from "../app/namespace";
import { SideRows } from "../ui/SideRows";
import { Chart } from "../ui/Chart";
import { CheckField, SelectField } from "../ui/Fields";
import { Mark } from "../ui/Mark";
import { Page } from "../ui/Page";
import { Tabs } from "../ui/Tabs";
import { Empty } from "../ui/notes";
import { Duration } from "../ui/time";
import { Confusion, Roc } from "./Measured";
import { ThingView } from "./ThingView";
import { lines } from "./comparing";
import { BASE, type Run } from "./kfp";
import { curves, differences, digits, matrices, metrics, time, word } from "./spec";
import { useInside } from "./useThings";
import type { Thing } from "./things";
import "./pipelines.css";

const FROM = "/$namespace/pipelines/compare";

export function Compare() {
  const { runs: wanted = "", tab } = useSearch({ from: FROM });
  const namespace = useNamespace();
  const navigate = useNavigate({ from: FROM });
  const ids = useMemo(() => [...new Set(wanted.split(",").filter(Boolean))], [wanted]);
  const asked = useQueries({ queries: ids.map((id) => ({ queryKey: ["kfp", `/runs/${id}`], queryFn: () => get<Run>(`${BASE}/runs/${id}`), retry: false })) });
  const found = asked.flatMap((a) => a.data ?? []);
  const [inside, setInside] = useState<ReadonlyMap<string, Thing[]>>(new Map());
  const crumbs = (
    <Link to="/$namespace/pipelines" params={{ namespace }}>
      Pipelines
    </Link>
  );
  if (asked.every((a) => !a.isPending) && found.length < 2)
    return (
      <Empty title="Choose two runs or more" level={1}>
        Tick them in the list of {crumbs}.
      </Empty>
    );
  const things = found.map((run) => inside.get(run.run_id) ?? []);
  return (
    <Page title={`Compare ${ids.length} runs`} crumbs={crumbs}>
      {found.map((run) => (
        <Looking key={run.run_id} run={run} onFound={(all) => setInside((before) => (before.get(run.run_id) === all ? before : new Map(before).set(run.run_id, all)))} />
      ))}
      {found.length > 1 ? (
        <Tabs
          label="What is compared"
          value={tab}
          onChange={(value) => void navigate({ search: { runs: wanted, tab: value }, replace: true })}
          tabs={[
            { value: "overview", label: "Parameters and metrics", content: <Overview runs={found} things={things} /> },
            { value: "confusion", label: "Confusion matrices", content: <Matrices runs={found} things={things} /> },
            { value: "roc", label: "ROC curves", content: <Curves runs={found} things={things} /> },
            { value: "pages", label: "HTML and Markdown", content: <Pages runs={found} things={things} /> },
          ]}
        />
      ) : null}
    </Page>
  );
}

/** Looks into one run and tells what it left: a hook a run. */
function Looking({ run, onFound }: { run: Run; onFound: (things: Thing[]) => void }) {
  const { things } = useInside(run);
  useMemo(() => queueMicrotask(() => onFound(things)), [things, onFound]);
  return null;
}

interface Sides {
  runs: Run[];
  /** Of each run, in the same order. */
  things: Thing[][];
}

function Overview({ runs, things }: Sides) {
  const namespace = useNamespace();
  const [only, setOnly] = useState(false);
  const parameters = differences(runs);
  const measured = things.map((all) => metrics(all));
  const names = [...new Set(measured.flatMap((m) => [...m.keys()]))];
  const metricRows = names.map((name) => {
    const values = measured.map((m) => m.get(name));
    return { name, values: values.map((v) => (v === undefined ? "–" : digits(v))), differs: new Set(values).size > 1 };
  });
  const columns = runs.map((r) => r.run_id);
  const option = useMemo(() => lines(runs, parameters, metricRows), [runs, parameters, metricRows]);
  return (
    <>
      {option ? (
        <figure className="figure">
          <figcaption>Each line is a run, over the parameters that differ to what it measured</figcaption>
          <Chart label={`Parallel coordinates of ${runs.length} runs; the table below has every value`} option={option} height={260} />
        </figure>
      ) : null}
      <div className="tools">
        <CheckField label="Only what differs" checked={only} onChange={setOnly} />
      </div>
      <div className="table-frame side-by-side" tabIndex={0} role="region" aria-label="Runs side by side, scrolled">
        <table aria-label="Runs side by side">
          <thead>
            <tr>
              <th>
                <span className="hidden">What</span>
              </th>
              {runs.map((r) => (
                <th key={r.run_id}>
                  <Link to="/$namespace/pipelines/runs/$id" params={{ namespace, id: r.run_id }}>
                    {r.display_name}
                  </Link>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            <tr>
              <th scope="row">State</th>
              {runs.map((r) => (
                <td key={r.run_id}>
                  <Mark phase={word(r.state)} />
                </td>
              ))}
            </tr>
            <tr>
              <th scope="row">Duration</th>
              {runs.map((r) => (
                <td key={r.run_id}>
                  <Duration from={r.created_at} to={time(r.finished_at)} />
                </td>
              ))}
            </tr>
          </tbody>
          <SideRows title="Parameters" rows={parameters.filter((row) => row.differs || !only)} columns={columns} numbers />
          <SideRows title="Metrics" rows={metricRows.filter((row) => row.differs || !only)} columns={columns} numbers />
        </table>
      </div>
    </>
  );
}

function Matrices({ runs, things }: Sides) {
  const found = runs.flatMap((run, i) => matrices(things[i] ?? []).map((matrix) => ({ ...matrix, name: `${run.display_name}: ${matrix.name}` })));
  if (!found.length) return <p className="dim">None of them logged a confusion matrix.</p>;
  return (
    <div className="grid figures">
      {found.map((matrix) => (
        <Confusion key={matrix.name} matrix={matrix} />
      ))}
    </div>
  );
}

function Curves({ runs, things }: Sides) {
  const found = useMemo(() => runs.flatMap((run, i) => curves(things[i] ?? []).map((curve) => ({ ...curve, name: `${run.display_name}: ${curve.name}` }))), [runs, things]);
  if (!found.length) return <p className="dim">None of them logged a ROC curve.</p>;
  return <Roc curves={found} />;
}

/** Two panes, each with a run and one of its pages. */
function Pages({ runs, things }: Sides) {
  const all = runs.flatMap((run, i) => (things[i] ?? []).filter((one) => one.type === "HTML" || one.type === "Markdown").map((thing) => ({ run, thing })));
  const [chosen, setChosen] = useState<[number, number]>([0, 1]);
  if (!all.length) return <p className="dim">None of them left a page or notes.</p>;
  const options = all.map(({ run, thing }, i) => ({ value: String(i), label: `${run.display_name}: ${thing.name}` }));
  return (
    <div className="panes">
      {([0, 1] as const).map((pane) => {
        const shown = all[Math.min(chosen[pane], all.length - 1)];
        return (
          <section key={pane}>
            <SelectField
              label={pane === 0 ? "Left" : "Right"}
              value={String(Math.min(chosen[pane], all.length - 1))}
              options={options}
              onChange={(value) => setChosen(pane === 0 ? [Number(value), chosen[1]] : [chosen[0], Number(value)])}
            />
            {shown ? <ThingView key={shown.thing.artifact_id} thing={shown.thing} /> : null}
          </section>
        );
      })}
    </div>
  );
}
