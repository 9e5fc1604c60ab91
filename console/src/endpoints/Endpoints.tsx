import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { type KubeError, get } from "../api/kube";
import * as paths from "../api/paths";
import type { Endpoint, Revision } from "../api/types";
import { Mark } from "../ui/Mark";
import { Page } from "../ui/Page";
import { Empty, Problem } from "../ui/notes";
import "./endpoints.css";

const EVERY = 2000;

/** What is in service, and which revision answers how much: the gateway's own counters. */
export function Endpoints() {
  const { namespace } = useParams({ from: "/$namespace/endpoints" });
  const { data, error } = useQuery<{ items: Endpoint[] }, KubeError>({
    queryKey: ["endpoints", namespace],
    queryFn: ({ signal }) => get(paths.endpoints(namespace), signal),
    refetchInterval: EVERY,
  });
  if (error) return <Problem error={error} />;
  return (
    <Page title="Endpoints" facts={data ? `${data.items.length} in ${namespace}` : null}>
      {data?.items.map((endpoint) => <Card key={endpoint.name} endpoint={endpoint} />)}
      {data?.items.length === 0 ? (
        <Empty title="No model is in service yet">
          Create an InferenceService: <code>pinnace kubectl apply -f FILE</code>.
        </Empty>
      ) : null}
    </Page>
  );
}

function Card({ endpoint }: { endpoint: Endpoint }) {
  const shown = endpoint.revisions
    .filter((r) => r.weight > 0 || r.requests > 0)
    .sort((a, b) => a.name.localeCompare(b.name));
  return (
    <article className="card">
      <header>
        <h2>{endpoint.name}</h2>
        <Mark phase={endpoint.ready ? "Ready" : "Not ready"} tone={endpoint.ready ? "good" : "busy"} />
        <a href={endpoint.url} target="_blank" rel="noreferrer">
          {endpoint.url}
        </a>
      </header>
      {endpoint.message ? <p className="dim">{endpoint.message}</p> : null}
      <Split revisions={shown} />
      <table>
        <thead>
          <tr>
            <th>Revision</th>
            <th>Traffic</th>
            <th>Requests</th>
            <th>Errors</th>
            <th>p50</th>
            <th>p95</th>
            <th>p99</th>
          </tr>
        </thead>
        <tbody>
          {shown.map((r, i) => (
            <tr key={r.name}>
              <td>
                <span className={`swatch share-${i % 4}`} aria-hidden /> {r.name}
              </td>
              <td className="number">{r.weight} %</td>
              <td className="number">{r.requests.toLocaleString()}</td>
              <td className="number">{r.errors.toLocaleString()}</td>
              <td className="number">{milliseconds(r.p50)}</td>
              <td className="number">{milliseconds(r.p95)}</td>
              <td className="number">{milliseconds(r.p99)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </article>
  );
}

function Split({ revisions }: { revisions: Revision[] }) {
  const total = revisions.reduce((sum, r) => sum + r.weight, 0);
  if (!total) return null;
  const words = revisions.map((r) => `${r.name} ${r.weight} %`).join(", ");
  return (
    <div className="split" role="img" aria-label={`Traffic split: ${words}`}>
      {revisions.map((r, i) =>
        r.weight > 0 ? (
          <span key={r.name} className={`share share-${i % 4}`} style={{ flexGrow: r.weight }}>
            {r.weight} %
          </span>
        ) : null,
      )}
    </div>
  );
}

function milliseconds(value: number | null | undefined): string {
  return value === null || value === undefined ? "–" : `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
}
