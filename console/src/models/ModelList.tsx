import { Link } from "@tanstack/react-router";
import { useMemo } from "react";
import { useMany } from "../api/resources";
import { useNamespace } from "../app/namespace";
import { useSearched } from "../app/searched";
import { type InferenceService, SERVICE, storage } from "../endpoints/kinds";
import { Page, SearchBox, Toolbar } from "../ui/Page";
import { type Column, Table } from "../ui/Table";
import { Command } from "../ui/Copy";
import { Empty, Problem } from "../ui/notes";
import { Ago } from "../ui/time";
import { type Model, useModels } from "./registry";
import "./models.css";

export function ModelList() {
  const namespace = useNamespace();
  const { data, error } = useModels();
  const endpoints = useMany(SERVICE, namespace);
  const [search, setSearch] = useSearched();
  const columns = useMemo(() => columnsOf(namespace, endpoints.items), [namespace, endpoints.items]);
  const shown = data?.filter((m) => m.name.toLowerCase().includes(search.trim().toLowerCase())) ?? [];
  if (error) return <Refusal error={error} />;
  return (
    <Page title="Models" facts={data ? `${data.length} registered` : null}>
      {data?.length ? (
        <Toolbar>
          <SearchBox value={search} onChange={setSearch} />
        </Toolbar>
      ) : null}
      {shown.length ? <Table label="Models" columns={columns} rows={shown} id={(m) => m.name} /> : null}
      {data?.length && !shown.length ? <p className="dim">No model fits this search.</p> : null}
      {data?.length === 0 ? <Nothing /> : null}
    </Page>
  );
}

export function Refusal({ error }: { error: Parameters<typeof Problem>[0]["error"] }) {
  if (error.code !== 404) return <Problem error={error} />;
  return (
    <Empty title="Models are not told here" level={1}>
      This server has no lineage of models: it is no Pinnace. Its Model Registry has a page of its own.
    </Empty>
  );
}

const EXAMPLE = `import mlflow
with mlflow.start_run():
    mlflow.log_params({"learning_rate": 0.5})
    mlflow.sklearn.log_model(model, name="model", registered_model_name="digits")`;

function Nothing() {
  return (
    <Empty title="No model is registered yet">
      Register one in a step or a notebook; the address and the token are there by themselves:
      <div className="teach">
        <Command label="an example in Python" text={EXAMPLE} />
      </div>
      Or train, register and serve one with <code>pinnace kubectl apply -k examples/digits</code>.
    </Empty>
  );
}

function columnsOf(namespace: string, endpoints: InferenceService[]): Column<Model>[] {
  const newest = (m: Model) => m.versions[0];
  return [
    {
      title: "Name",
      cell: (m) => (
        <Link to="/$namespace/models/$model" params={{ namespace, model: m.name }}>
          {m.name}
        </Link>
      ),
      by: (m) => m.name,
    },
    { title: "Latest version", cell: (m) => newest(m)?.version, by: (m) => newest(m)?.version ?? "" },
    { title: "Versions", number: true, cell: (m) => m.versions.length, by: (m) => m.versions.length },
    { title: "Type", cell: (m) => newest(m)?.type, by: (m) => newest(m)?.type ?? "" },
    { title: "Framework", cell: (m) => newest(m)?.framework, by: (m) => newest(m)?.framework ?? "" },
    { title: "Workspace", cell: (m) => newest(m)?.workspace, by: (m) => newest(m)?.workspace ?? "" },
    { title: "In service", cell: (m) => <Served model={m} endpoints={endpoints} /> },
    { title: "Created", cell: (m) => <When at={newest(m)?.created} />, by: (m) => newest(m)?.created ?? 0 },
  ];
}

export function When({ at }: { at: number | undefined }) {
  return at ? <Ago at={new Date(at).toISOString()} /> : null;
}

function Served({ model, endpoints }: { model: Model; endpoints: InferenceService[] }) {
  const uris = new Set(model.versions.map((v) => v.uri));
  const found = endpoints.filter((e) => uris.has(storage(e)));
  return found.map(({ metadata: { name, namespace = "" } }) => (
    <Link key={name} to="/$namespace/endpoints/$name" params={{ namespace, name }} className="spaced">
      {name}
    </Link>
  ));
}
