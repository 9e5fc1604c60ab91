/** Above the drawing of a served graph: whether it answers, how much comes, and the ways to its page and out of service. */

import { Link } from "@tanstack/react-router";
import { remove } from "../../api/kube";
import { object } from "../../api/resources";
import { GRAPH, readiness } from "../../endpoints/kinds";
import { WHOLE, milliseconds, perSecond, recent } from "../../endpoints/statistics";
import { Button } from "../../ui/Button";
import { Copy } from "../../ui/Copy";
import { Confirm } from "../../ui/Dialog";
import { Mark } from "../../ui/Mark";
import { useState } from "react";
import type { Serving } from "./serving";

export function ServingBar({ namespace, serving }: { namespace: string; serving: Serving }) {
  const [leaving, leave] = useState(false);
  const { name, object: graph, here } = serving;
  if (!graph) return null;
  const said = readiness(graph.status?.conditions);
  return (
    <div className="run-bar serving-bar" role="status" aria-label="How the graph is served">
      <Link to="/$namespace/endpoints/graphs/$name" params={{ namespace, name }}>
        {name}
      </Link>
      <Mark phase={said?.status === "True" ? "Ready" : "Pending"} tone={said?.status === "True" ? "good" : "busy"} />
      {said?.status === "True" ? <Address url={graph.status?.url ?? ""} /> : <span className="message">{said?.message ?? "It is not served yet."}</span>}
      <Rates serving={serving} />
      {here.walked ? <Button onClick={() => serving.show(null)}>Back to all requests</Button> : null}
      <Button look="danger" onClick={() => leave(true)}>
        Undeploy
      </Button>
      {leaving ? (
        <Confirm title={`Take ${name} out of service`} verb="Undeploy" onConfirm={() => remove(object(GRAPH, namespace, name))} onClose={() => leave(false)}>
          Its address answers nobody any more. The services that it asks stay, and so does the drawing.
        </Confirm>
      ) : null}
    </div>
  );
}

function Address({ url }: { url: string }) {
  return (
    <span className="address">
      {url}
      <Copy text={url} label="Copy the address" />
    </span>
  );
}

function Rates({ serving: { counted, error, here } }: { serving: Serving }) {
  if (error?.code === 404) return <span className="dim">This cluster tells no counters.</span>;
  if (!counted) return null;
  const rate = recent(here.seen, WHOLE) ?? undefined;
  return (
    <span className="number dim">
      {perSecond(rate?.requests)}/s · {milliseconds(counted.whole.p95)} · {counted.whole.errors ? <span className="tone-bad">{counted.whole.errors} errors</span> : "no errors"}
    </span>
  );
}
