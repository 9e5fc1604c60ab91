import { Link, useNavigate } from "@tanstack/react-router";
import { useMemo } from "react";
import { useMany } from "../api/resources";
import { useServed } from "../api/served";
import type { Condition } from "../api/types";
import { useNamespace } from "../app/namespace";
import { useSearched } from "../app/searched";
import { NewObject } from "../objects/NewObject";
import { Mark } from "../ui/Mark";
import { Page, SearchBox, Toolbar } from "../ui/Page";
import { type Column, Table } from "../ui/Table";
import { Empty, Problem } from "../ui/notes";
import { Ago } from "../ui/time";
import { Split } from "./Split";
import { useCounts, samples } from "./counting";
import { GRAPH, type InferenceGraph, type InferenceService, SERVICE, format, readiness } from "./kinds";
import { type Share, shares } from "./rollout";
import { milliseconds, perSecond, recent } from "./statistics";
import "./endpoints.css";

/** What is in service: models, and graphs of models. */
export function EndpointList() {
  const namespace = useNamespace();
  const { items, loaded, error } = useMany(SERVICE, namespace);
  const [search, setSearch] = useSearched();
  const navigate = useNavigate();
  const counts = useCounts(namespace);
  const columns = useMemo(() => serviceColumns(namespace, counts.byName.size > 0), [namespace, counts.byName]);
  const shown = items.filter((s) => s.metadata.name.includes(search.trim()));
  return (
    <Page
      title="Endpoints"
      facts={loaded && !error ? `${items.length} in ${namespace}` : null}
      actions={
        <NewObject
          kinds={[SERVICE, GRAPH]}
          namespace={namespace}
          template={EXAMPLE}
          label="New endpoint"
          onCreated={({ kind, metadata: { name } }) =>
            void navigate({ to: kind === GRAPH.kind ? "/$namespace/endpoints/graphs/$name" : "/$namespace/endpoints/$name", params: { namespace, name } })
          }
        />
      }
    >
      {error ? <Problem error={error} /> : null}
      {items.length ? (
        <Toolbar>
          <SearchBox value={search} onChange={setSearch} />
        </Toolbar>
      ) : null}
      {shown.length ? <Table label="Endpoints" columns={columns} rows={shown} id={(s) => s.metadata.uid} /> : null}
      {items.length > 0 && shown.length === 0 ? <p className="dim">No endpoint fits this search.</p> : null}
      {loaded && !error && items.length === 0 ? <Nothing namespace={namespace} /> : null}
      <Graphs namespace={namespace} />
    </Page>
  );
}

const EXAMPLE = `apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: my-model
spec:
  predictor:
    model:
      modelFormat:
        name: sklearn
      storageUri: s3://artifacts/models/my-model
`;

function Nothing({ namespace }: { namespace: string }) {
  return (
    <Empty title="No model is in service yet">
      Deploy a registered one from{" "}
      <Link to="/$namespace/models" params={{ namespace }}>
        Models
      </Link>
      , write an InferenceService here with <strong>New endpoint</strong>, or <code>pinnace kubectl apply -f FILE</code>.
    </Empty>
  );
}

function serviceColumns(namespace: string, counted: boolean): Column<InferenceService>[] {
  const rate = (s: InferenceService) => rateOf(namespace, s);
  const live: Column<InferenceService>[] = [
    { title: "Requests/s", number: true, cell: (s) => perSecond(rate(s)?.requests), by: (s) => rate(s)?.requests ?? -1 },
    { title: "Errors/s", number: true, cell: (s) => perSecond(rate(s)?.errors), by: (s) => rate(s)?.errors ?? -1 },
    { title: "p95", number: true, cell: (s) => milliseconds(rate(s)?.p95) },
  ];
  return [
    { title: "Name", cell: (s) => <Name service={s} />, by: (s) => s.metadata.name },
    { title: "State", cell: (s) => <Readiness conditions={s.status?.conditions} />, by: (s) => readiness(s.status?.conditions)?.status ?? "" },
    { title: "Model", cell: (s) => format(s), by: format },
    { title: "Traffic", cell: (s) => <Traffic service={s} />, width: "220px" },
    ...(counted ? live : []),
    { title: "Created", cell: (s) => <Ago at={s.metadata.creationTimestamp} />, by: (s) => s.metadata.creationTimestamp },
  ];
}

/** All revisions of the component that callers meet first. */
function rateOf(namespace: string, service: InferenceService): { requests: number; errors: number; p95: number | null } | undefined {
  const seen = samples(namespace, service.metadata.name);
  const front = service.spec.transformer ? "transformer" : "predictor";
  const names = [...(seen.at(-1)?.revisions.values() ?? [])].filter((r) => r.component === front).map((r) => r.name);
  const found = names.flatMap((name) => recent(seen, name) ?? []);
  if (!found.length) return undefined;
  const p95 = found.map((r) => r.p95).filter((p) => p !== null);
  return {
    requests: found.reduce((sum, r) => sum + r.requests, 0),
    errors: found.reduce((sum, r) => sum + r.errors, 0),
    p95: p95.length ? Math.max(...p95) : null,
  };
}

function Name({ service }: { service: InferenceService }) {
  const { name, namespace = "" } = service.metadata;
  return (
    <Link to="/$namespace/endpoints/$name" params={{ namespace, name }}>
      {name}
    </Link>
  );
}

export function Readiness({ conditions }: { conditions: Condition[] | undefined }) {
  const ready = readiness(conditions);
  if (ready?.status === "True") return <Mark phase="Ready" />;
  const reason = ready?.reason || "Not ready";
  return (
    <span title={ready?.message ?? ""}>
      <Mark phase={reason} tone={ready?.status === "False" ? "bad" : "busy"} />
    </span>
  );
}

function Traffic({ service }: { service: InferenceService }) {
  const found: Share[] = shares(service.status?.components?.predictor);
  return found.length ? <Split shares={found} small /> : <span className="dim">–</span>;
}

const GRAPH_COLUMNS: Column<InferenceGraph>[] = [
  {
    title: "Name",
    cell: ({ metadata: { name, namespace = "" } }) => (
      <Link to="/$namespace/endpoints/graphs/$name" params={{ namespace, name }}>
        {name}
      </Link>
    ),
    by: (g) => g.metadata.name,
  },
  { title: "State", cell: (g) => <Readiness conditions={g.status?.conditions} /> },
  { title: "Nodes", number: true, cell: (g) => Object.keys(g.spec.nodes).length, by: (g) => Object.keys(g.spec.nodes).length },
  { title: "Created", cell: (g) => <Ago at={g.metadata.creationTimestamp} />, by: (g) => g.metadata.creationTimestamp },
];

function Graphs({ namespace }: { namespace: string }) {
  const served = useServed(GRAPH);
  const { items } = useMany(GRAPH, namespace);
  if (!served || !items.length) return null;
  return (
    <section className="below">
      <h2>Graphs of models</h2>
      <Table label="Inference graphs" columns={GRAPH_COLUMNS} rows={items} id={(g) => g.metadata.uid} />
    </section>
  );
}
