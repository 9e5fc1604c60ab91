import { Link } from "@tanstack/react-router";
import { useNamespace } from "../app/namespace";
import { useSearched } from "../app/searched";
import { SearchBox, Toolbar } from "../ui/Page";
import { type Column, Table } from "../ui/Table";
import { Empty } from "../ui/notes";
import { Ago } from "../ui/time";
import { Refusal } from "./Refusal";
import { type Pipeline, usePipelines } from "./kfp";

/** What was uploaded. */
export function Library() {
  const namespace = useNamespace();
  const { data, error } = usePipelines();
  const [search, setSearch] = useSearched();
  const all = data?.pipelines ?? [];
  const found = all.filter((p) => `${p.display_name} ${p.description ?? ""}`.toLowerCase().includes(search.trim().toLowerCase()));
  const columns: Column<Pipeline>[] = [
    {
      title: "Pipeline",
      cell: (p) => (
        <Link to="/$namespace/pipelines/$id" params={{ namespace, id: p.pipeline_id }}>
          {p.display_name}
        </Link>
      ),
      by: (p) => p.display_name,
    },
    { title: "Description", cell: (p) => <div className="message">{p.description}</div> },
    { title: "Uploaded", cell: (p) => <Ago at={p.created_at} />, by: (p) => p.created_at },
    {
      title: "Actions",
      quiet: true,
      cell: (p) => (
        <div className="row-actions">
          <Link to="/$namespace/pipelines/new" params={{ namespace }} search={{ pipeline: p.pipeline_id }} className="button" aria-label={`Create run of ${p.display_name}`}>
            Create run
          </Link>
        </div>
      ),
    },
  ];
  if (error) return <Refusal error={error} />;
  if (data && !all.length)
    return (
      <Empty title="No pipeline is uploaded yet">
        Compile one with <code>kfp dsl compile</code> and upload the YAML, or use <code>kfp.Client().upload_pipeline(…)</code>.
      </Empty>
    );
  return (
    <>
      {all.length ? (
        <Toolbar>
          <SearchBox value={search} onChange={setSearch} />
        </Toolbar>
      ) : null}
      {found.length ? <Table label="Pipelines" columns={columns} rows={found} id={(p) => p.pipeline_id} /> : null}
      {all.length && !found.length ? <p className="dim">No pipeline fits this search.</p> : null}
    </>
  );
}
