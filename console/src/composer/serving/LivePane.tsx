/** Beside the drawing of a served graph: ask it, see the way that the request took, and how the chosen node goes. */

import { Link } from "@tanstack/react-router";
import { Send } from "lucide-react";
import { useState } from "react";
import { KubeError } from "../../api/kube";
import { Way } from "../../endpoints/Way";
import { type InferenceService, readiness } from "../../endpoints/kinds";
import { type StepCounters, milliseconds, perSecond, recent, stepKey } from "../../endpoints/statistics";
import { legible, walk } from "../../endpoints/walks";
import "../../endpoints/endpoints.css";
import { Button } from "../../ui/Button";
import { TextArea } from "../../ui/Fields";
import { Problem } from "../../ui/notes";
import { Ago } from "../../ui/time";
import { asked } from "./asked";
import { type Line, counters, lastFailure, leadsTo, lines } from "./live";
import type { Serving } from "./serving";

export function LivePane({ namespace, serving, chosen }: { namespace: string; serving: Serving; chosen: string | undefined }) {
  if (!serving.object) return <p className="dim">It is drawn, and not served: deploy it to ask it something.</p>;
  return chosen === undefined ? <TryIt namespace={namespace} serving={serving} /> : <Node namespace={namespace} serving={serving} id={chosen} />;
}

function TryIt({ namespace, serving }: { namespace: string; serving: Serving }) {
  const [text, setText] = useState(() => asked(namespace, serving.name));
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<KubeError | null>(null);
  const { walked } = serving.here;
  async function send(): Promise<void> {
    setBusy(true);
    setError(null);
    asked(namespace, serving.name, text);
    try {
      serving.show(await walk(namespace, serving.name, text));
    } catch (problem) {
      setError(KubeError.of(problem));
    } finally {
      setBusy(false);
    }
  }
  return (
    <form
      className="form"
      onSubmit={(e) => {
        e.preventDefault();
        void send();
      }}
    >
      <TextArea label="Ask the graph" hint="JSON, for its first step. The drawing shows the way that it takes." rows={6} value={text} onChange={setText} />
      <Button type="submit" look="primary" Icon={Send} disabled={busy}>
        Ask
      </Button>
      <div aria-live="polite" className="live-answer">
        {error ? <Problem error={error} /> : walked ? <Way walked={walked} target={(taken) => leadsTo(serving.here, taken)} /> : null}
      </div>
    </form>
  );
}

function Node({ namespace, serving, id }: { namespace: string; serving: Serving; id: string }) {
  const { here } = serving;
  const node = here.graph.nodes.find((each) => each.id === id);
  const all = lines(here);
  const service = all.find((line) => line.edge.to.node === id && line.service)?.service ?? "";
  const own = service ? all.filter((line) => line.edge.to.node === id) : all.filter((line) => line.edge.from.node === id);
  return (
    <div className="form">
      <header className="form-head">
        <h2>{node?.title}</h2>
      </header>
      {service ? <Behind namespace={namespace} name={service} service={here.services?.get(service)} replicas={here.replicas.get(service) ?? 0} /> : null}
      {own.map((line) => (
        <Step key={line.edge.id} serving={serving} line={line} />
      ))}
      <LastFailure found={lastFailure(here, id)} />
      <OnItsWay serving={serving} own={own} />
    </div>
  );
}

function Behind({ namespace, name, service, replicas }: { namespace: string; name: string; service: InferenceService | undefined; replicas: number }) {
  const said = readiness(service?.status?.conditions);
  const revision = service?.status?.components?.predictor?.latestReadyRevision;
  return (
    <dl className="facts-list">
      <dt>InferenceService</dt>
      <dd>
        <Link to="/$namespace/endpoints/$name" params={{ namespace, name }}>
          {name}
        </Link>
      </dd>
      <dt>State</dt>
      <dd>{said?.status === "True" ? "ready" : (said?.message ?? said?.reason ?? "not there")}</dd>
      <dt>Replicas</dt>
      <dd className="number">{replicas}</dd>
      {revision ? <dt>Revision</dt> : null}
      {revision ? <dd className="mono">{revision}</dd> : null}
    </dl>
  );
}

/** What the gateway counted on one line. */
function Step({ serving: { here }, line }: { serving: Serving; line: Line }) {
  const found: StepCounters | undefined = counters(here, line);
  const rate = recent(here.seen, stepKey(line.edge.from.node, line.index)) ?? undefined;
  const title = `${leadsTo(here, { node: line.edge.from.node, index: line.index })}${line.edge.label ? `, ${line.edge.label}` : ""}`;
  return (
    <section className="live-step" aria-label={title}>
      <h3>{title}</h3>
      {found ? (
        <dl className="facts-list">
          <dt>Requests</dt>
          <dd className="number">
            {found.requests.toLocaleString()}, {perSecond(rate?.requests)}/s
          </dd>
          <dt>Errors</dt>
          <dd className={found.errors + found.rejected ? "number tone-bad" : "number"}>{(found.errors + found.rejected).toLocaleString()}</dd>
          <dt>p50, p95, p99</dt>
          <dd className="number">{[found.p50, found.p95, found.p99].map(milliseconds).join(", ")}</dd>
        </dl>
      ) : (
        <p className="dim">Nothing is known of this line: it is not deployed as it is drawn.</p>
      )}
    </section>
  );
}

function LastFailure({ found }: { found: StepCounters | undefined }) {
  if (!found) return null;
  return (
    <section>
      <h3>
        Last failure, <Ago at={new Date((found.failedAt ?? 0) * 1000).toISOString()} />
      </h3>
      <pre className="said">{found.failure}</pre>
    </section>
  );
}

/** Of the request that is shown: what came here and what was said. */
function OnItsWay({ serving, own }: { serving: Serving; own: readonly Line[] }) {
  const visits = serving.here.walked?.steps.filter((taken) => own.some((line) => line.edge.from.node === taken.node && line.index === taken.index)) ?? [];
  return (
    <>
      {visits.map((taken) => (
        <section key={taken.began}>
          <h3>{leadsTo(serving.here, taken)}: given</h3>
          <pre className="said">{legible(taken.request, taken.requestSize)}</pre>
          <h3>answered</h3>
          <pre className="said">{taken.failure || legible(taken.answer, taken.answerSize)}</pre>
        </section>
      ))}
    </>
  );
}
