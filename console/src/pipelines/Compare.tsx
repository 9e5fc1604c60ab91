import { Link, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { useNamespace } from "../app/namespace";
import { CheckField } from "../ui/Fields";
import { Mark } from "../ui/Mark";
import { Page } from "../ui/Page";
import { Empty } from "../ui/notes";
import { Duration } from "../ui/time";
import { Measured } from "./Measured";
import { type Run, useArtifacts, useRun, useRuns } from "./kfp";
import { differences, time, word } from "./spec";
import "./pipelines.css";

const FROM = "/$namespace/pipelines/compare";
const MOST = 10;

/** Runs side by side: how they ended, what they were given, what they measured. */
export function Compare() {
  const { runs: wanted = "" } = useSearch({ from: FROM });
  const namespace = useNamespace();
  const ids = wanted.split(",").slice(0, MOST);
  const all = useRuns().data?.runs;
  const found = ids.flatMap((id) => all?.find((r) => r.run_id === id) ?? []);
  const crumbs = (
    <Link to="/$namespace/pipelines" params={{ namespace }}>
      Pipelines
    </Link>
  );
  if (all && found.length < 2)
    return (
      <Empty title="Choose two runs or more" level={1}>
        Tick them in the list of {crumbs}.
      </Empty>
    );
  return (
    <Page title={`Compare ${found.length} runs`} crumbs={crumbs}>
      <Parameters runs={found} />
      <div className="compared">
        {found.map((run) => (
          <section key={run.run_id} className="card">
            <header>
              <h2>{run.display_name}</h2>
            </header>
            <Results id={run.run_id} />
          </section>
        ))}
      </div>
    </Page>
  );
}

/** Only a run asked for alone tells its tasks, and so its artifacts. */
function Results({ id }: { id: string }) {
  const { data } = useRun(id);
  return <Measured artifacts={useArtifacts(data).data ?? []} />;
}

function Parameters({ runs }: { runs: Run[] }) {
  const [only, setOnly] = useState(false);
  const rows = differences(runs).filter((row) => row.differs || !only);
  return (
    <>
      <div className="tools">
        <CheckField label="Only what differs" checked={only} onChange={setOnly} />
      </div>
      <div className="table-frame">
        <table aria-label="Runs side by side">
          <thead>
            <tr>
              <th>Run</th>
              {runs.map((r) => (
                <th key={r.run_id}>{r.display_name}</th>
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
            {rows.map(({ name, values, differs }) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                {values.map((value, i) => (
                  <td key={runs[i]?.run_id} className={differs ? "mono differs" : "mono"}>
                    {value}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}
