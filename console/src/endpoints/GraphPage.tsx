import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { PenLine, Radio, Route, Shuffle, Split as Fork, SquareStack } from "lucide-react";
import { useMemo, useState } from "react";
import { useOne } from "../api/resources";
import { Conditions } from "../objects/Conditions";
import { DeleteButton } from "../objects/DeleteButton";
import { Events } from "../objects/Events";
import { Yaml } from "../objects/Yaml";
import { Copy } from "../ui/Copy";
import { Diagram } from "../ui/Diagram";
import { Page } from "../ui/Page";
import { type Column, Table } from "../ui/Table";
import { Tabs } from "../ui/Tabs";
import { Empty, Problem } from "../ui/notes";
import { Readiness } from "./EndpointList";
import { GraphTryIt } from "./GraphTryIt";
import { type Place, drawing } from "./graph";
import { graphSamples, useCounts } from "./counting";
import { GRAPH, type InferenceGraph } from "./kinds";
import { type StepCounters, milliseconds, perSecond, recent, stepKey } from "./statistics";
import "./endpoints.css";

const FROM = "/$namespace/endpoints/graphs/$name";
const ICONS = { Sequence: Route, Splitter: Fork, Ensemble: SquareStack, Switch: Shuffle };
const COLOURS = { Sequence: "var(--share-0)", Splitter: "var(--share-1)", Ensemble: "var(--share-2)", Switch: "var(--share-3)" };

export function GraphPage() {
  const { namespace, name } = useParams({ from: FROM });
  const { tab } = useSearch({ from: FROM });
  const navigate = useNavigate({ from: FROM });
  const { item: graph, loaded, error } = useOne(GRAPH, namespace, name);
  const back = (
    <Link to="/$namespace/endpoints" params={{ namespace }}>
      Endpoints
    </Link>
  );
  if (error)
    return (
      <Page title={name} crumbs={back}>
        <Problem error={error} />
      </Page>
    );
  if (!graph)
    return loaded ? (
      <Empty title={`There is no graph ${name} in ${namespace}`} level={1}>
        {back}
      </Empty>
    ) : null;
  const url = graph.status?.url;
  return (
    <Page
      title={name}
      crumbs={back}
      facts={
        <>
          <Readiness conditions={graph.status?.conditions} />
          {url ? (
            <span className="address">
              {url}
              <Copy text={url} label="Copy the address" />
            </span>
          ) : null}
        </>
      }
      actions={
        <>
          <Link className="button button-plain" to="/$namespace/composer/$kind/$name" params={{ namespace, kind: "InferenceGraph", name }}>
            <PenLine size={15} aria-hidden />
            Open in the composer
          </Link>
          <DeleteButton
            of={GRAPH}
            item={graph}
            consequence="Its address answers nobody any more; the services that it asks stay."
            onDeleted={() => void navigate({ to: "/$namespace/endpoints", params: { namespace } })}
          />
        </>
      }
    >
      <Tabs
        label="About this graph"
        value={tab}
        onChange={(value) => void navigate({ search: { tab: value }, replace: true })}
        tabs={[
          { value: "graph", label: "Graph", content: <Picture graph={graph} /> },
          { value: "try", label: "Try it", content: <GraphTryIt key={graph.metadata.uid} graph={graph} /> },
          { value: "conditions", label: "Conditions", content: <Conditions items={graph.status?.conditions} /> },
          { value: "events", label: "Events", content: <Events namespace={namespace} name={name} kind="InferenceGraph" /> },
          { value: "yaml", label: "YAML", content: <Yaml of={GRAPH} item={graph} /> },
        ]}
      />
    </Page>
  );
}

const COLUMNS: Column<Place>[] = [
  { title: "Node", cell: (p) => p.node, by: (p) => p.node },
  { title: "Router", cell: (p) => p.router, by: (p) => p.router },
  { title: "Step", cell: (p) => p.step, by: (p) => p.step },
  { title: "Leads to", cell: (p) => p.target, by: (p) => p.target },
  { title: "When", cell: (p) => p.label },
];

/** What the gateway counted on each step; nothing on a cluster that does not tell. */
function useColumns(graph: InferenceGraph): Column<Place>[] {
  const { name, namespace = "" } = graph.metadata;
  const { graphs } = useCounts(namespace);
  const counted = graphs.get(name);
  const seen = graphSamples(namespace, name);
  return useMemo(() => {
    if (!counted) return COLUMNS;
    const of = (p: Place) => counted.steps.find((each) => each.node === p.node && each.index === p.index);
    return [
      ...COLUMNS,
      { title: "Requests/s", number: true, cell: (p) => perSecond(recent(seen, stepKey(p.node, p.index))?.requests) },
      { title: "Requests", number: true, cell: (p) => of(p)?.requests.toLocaleString() ?? "–", by: (p) => of(p)?.requests ?? 0 },
      { title: "Errors", number: true, cell: (p) => <Errors of={of(p)} /> },
      { title: "p50", number: true, cell: (p) => milliseconds(of(p)?.p50) },
      { title: "p95", number: true, cell: (p) => milliseconds(of(p)?.p95) },
    ];
  }, [counted, seen]);
}

function Errors({ of }: { of: StepCounters | undefined }) {
  const count = (of?.errors ?? 0) + (of?.rejected ?? 0);
  if (!of || !count) return <>0</>;
  return (
    <span className="tone-bad" title={`Last: ${of.failure}`}>
      {count.toLocaleString()}
    </span>
  );
}

/** Drawn, and below it the same in words. */
function Picture({ graph }: { graph: InferenceGraph }) {
  const drawn = useMemo(() => drawing(graph), [graph]);
  const [selected, setSelected] = useState<string>();
  const columns = useColumns(graph);
  const boxes = drawn.boxes.map((box) => ({
    ...box,
    Icon: ICONS[box.router as keyof typeof ICONS] ?? Radio,
    colour: COLOURS[box.router as keyof typeof COLOURS] ?? "var(--dim)",
  }));
  return (
    <>
      <div className="graph-picture">
        <Diagram label="Graph of models" boxes={boxes} arrows={drawn.arrows} selected={selected} onSelect={setSelected} />
      </div>
      <section className="part">
        <h2>Steps</h2>
        <Table label="Steps" columns={columns} rows={drawn.places} id={(p) => `${p.node} ${p.step}`} />
      </section>
    </>
  );
}
