import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { Play, Trash2 } from "lucide-react";
import { useMemo, useState } from "react";
import { stringify } from "yaml";
import { useNamespace } from "../app/namespace";
import { Button } from "../ui/Button";
import { Code } from "../ui/Code";
import { Confirm } from "../ui/Dialog";
import { Page } from "../ui/Page";
import { type Column, Table } from "../ui/Table";
import { Tabs } from "../ui/Tabs";
import { Ago } from "../ui/time";
import { NewRun } from "./NewRun";
import { Refusal } from "./Pipelines";
import { type Version, drop, usePipeline, useVersions } from "./kfp";
import { type Input, inputs, kind, shown, specOf } from "./spec";
import "./pipelines.css";

const FROM = "/$namespace/pipelines/$id";

export function PipelinePage() {
  const { id } = useParams({ from: FROM });
  const { tab } = useSearch({ from: FROM });
  const namespace = useNamespace();
  const navigate = useNavigate({ from: FROM });
  const { data: pipeline, error } = usePipeline(id);
  const versions = useVersions(id).data?.pipeline_versions ?? [];
  const [running, setRunning] = useState<Version | null>(null);
  const [deleting, setDeleting] = useState(false);
  const newest = versions[0];
  if (error) return <Refusal error={error} />;
  if (!pipeline) return null;
  return (
    <Page
      title={pipeline.display_name}
      crumbs={
        <Link to="/$namespace/pipelines" params={{ namespace }} search={{ tab: "pipelines" }}>
          Pipelines
        </Link>
      }
      facts={versions.length === 1 ? "1 version" : `${versions.length} versions`}
      actions={
        <>
          <Button look="primary" Icon={Play} disabled={!newest} onClick={() => setRunning(newest ?? null)}>
            Create run
          </Button>
          <Button look="danger" Icon={Trash2} onClick={() => setDeleting(true)}>
            Delete
          </Button>
        </>
      }
    >
      {pipeline.description ? <p className="dim">{pipeline.description}</p> : null}
      <Tabs
        label="About this pipeline"
        value={tab}
        onChange={(value) => void navigate({ search: { tab: value }, replace: true })}
        tabs={[
          { value: "inputs", label: "Inputs", content: <Inputs version={newest} /> },
          { value: "versions", label: "Versions", content: <Versions versions={versions} onRun={setRunning} /> },
          { value: "spec", label: "Specification", content: <Specification version={newest} /> },
        ]}
      />
      {running ? <NewRun name={pipeline.display_name} version={running} onClose={() => setRunning(null)} /> : null}
      {deleting ? (
        <Confirm
          title={`Delete ${pipeline.display_name}?`}
          verb="Delete"
          onClose={() => setDeleting(false)}
          onConfirm={async () => {
            for (const version of versions) await drop(`/pipelines/${id}/versions/${version.pipeline_version_id}`);
            await drop(`/pipelines/${id}`);
            await navigate({ to: "/$namespace/pipelines", params: { namespace }, search: { tab: "pipelines" } });
          }}
        >
          Its versions go with it. Its runs stay.
        </Confirm>
      ) : null}
    </Page>
  );
}

type Named = [name: string, input: Input];

const COLUMNS: Column<Named>[] = [
  { title: "Input", cell: ([name]) => name, by: ([name]) => name },
  { title: "Type", cell: ([, input]) => kind(input) },
  { title: "Default", cell: ([, input]) => <span className="mono">{shown(input.defaultValue)}</span> },
  { title: "Description", cell: ([, input]) => input.description },
];

function Inputs({ version }: { version: Version | undefined }) {
  const found = inputs(specOf(version));
  if (!found.length) return <p className="dim">It takes no parameters.</p>;
  return <Table label="Inputs" columns={COLUMNS} rows={found} id={([name]) => name} />;
}

function Versions({ versions, onRun }: { versions: Version[]; onRun: (version: Version) => void }) {
  const columns: Column<Version>[] = [
    { title: "Version", cell: (v) => v.display_name, by: (v) => v.display_name },
    { title: "Description", cell: (v) => v.description },
    { title: "Uploaded", cell: (v) => <Ago at={v.created_at} />, by: (v) => v.created_at },
    { title: "Actions", quiet: true, cell: (v) => <Button onClick={() => onRun(v)}>Create run</Button> },
  ];
  return versions.length ? <Table label="Versions" columns={columns} rows={versions} id={(v) => v.pipeline_version_id} /> : null;
}

function Specification({ version }: { version: Version | undefined }) {
  const text = useMemo(() => stringify(version?.pipeline_spec ?? {}, { lineWidth: 0 }), [version]);
  return (
    <div className="specification">
      <Code label="Specification of the pipeline" language="yaml" value={text} />
    </div>
  );
}
