/** One pipeline: its tasks, inputs, versions and what changed between them, and its text. */

import { useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { PencilRuler, Play, Trash2 } from "lucide-react";
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
import { Refusal } from "./Refusal";
import { SpecGraph } from "./SpecGraph";
import { Upload } from "./Upload";
import { Changes, Versions } from "./Versions";
import { type Pipeline, type Version, drop, usePipeline, useVersions } from "./kfp";
import { type Input, inputs, kind, shown, specOf } from "./spec";
import "./pipelines.css";

const FROM = "/$namespace/pipelines/$id";

export function PipelinePage() {
  const { id } = useParams({ from: FROM });
  const { data: pipeline, error } = usePipeline(id);
  if (error) return <Refusal error={error} />;
  return pipeline ? <Found pipeline={pipeline} /> : null;
}

function Found({ pipeline }: { pipeline: Pipeline }) {
  const { pipeline_id: id, display_name: name } = pipeline;
  const search = useSearch({ from: FROM });
  const namespace = useNamespace();
  const navigate = useNavigate({ from: FROM });
  const client = useQueryClient();
  const versions = useVersions(id).data?.pipeline_versions ?? [];
  const [deleting, setDeleting] = useState(false);
  const version = versions.find((v) => v.pipeline_version_id === search.version) ?? versions[0];
  const spec = specOf(version);
  const go = (part: { [K in keyof typeof search]?: string | undefined }) =>
    void navigate({ search: Object.fromEntries(Object.entries({ ...search, ...part }).filter(([, v]) => v)) as typeof search, replace: true });
  const show = (v: Version) => go({ version: v === versions[0] ? undefined : v.pipeline_version_id, tab: "graph", layer: undefined, task: undefined });
  return (
    <Page
      title={name}
      crumbs={
        <Link to="/$namespace/pipelines" params={{ namespace }} search={{ tab: "pipelines" }}>
          Pipelines
        </Link>
      }
      facts={
        version ? (
          <>
            <select aria-label="Version" value={version.pipeline_version_id} onChange={(e) => go({ version: e.target.value, layer: undefined, task: undefined })}>
              {versions.map((v, i) => (
                <option key={v.pipeline_version_id} value={v.pipeline_version_id}>
                  {i === 0 ? `${v.display_name} (latest)` : v.display_name}
                </option>
              ))}
            </select>
            <span>
              <Ago at={version.created_at} />
            </span>
          </>
        ) : null
      }
      actions={
        <>
          <Upload onto={pipeline} />
          <Link to="/$namespace/composer/$kind/$name" params={{ namespace, kind: "Pipeline", name: id }} className="button button-plain">
            <PencilRuler size={15} aria-hidden /> Draw
          </Link>
          <Button look="danger" Icon={Trash2} onClick={() => setDeleting(true)}>
            Delete
          </Button>
          <Link
            to="/$namespace/pipelines/new"
            params={{ namespace }}
            search={{ pipeline: id, ...(version && version !== versions[0] ? { version: version.pipeline_version_id } : {}) }}
            className="button button-primary"
            disabled={!version}
          >
            <Play size={15} aria-hidden /> Create run
          </Link>
        </>
      }
    >
      {version?.description || pipeline.description ? <p className="dim pipeline-said">{version?.description || pipeline.description}</p> : null}
      <Tabs
        label="About this pipeline"
        value={search.tab}
        onChange={(tab) => go({ tab })}
        tabs={[
          {
            value: "graph",
            label: "Graph",
            content: spec ? <SpecGraph spec={spec} layer={search.layer} task={search.task} onGo={go} /> : null,
          },
          { value: "inputs", label: "Inputs", content: <Inputs version={version} /> },
          {
            value: "versions",
            label: `Versions (${versions.length})`,
            content: (
              <Versions
                versions={versions}
                shown={version}
                onShow={show}
                onCompare={(from, to) => go({ tab: "changes", from: from.pipeline_version_id, to: to.pipeline_version_id, layer: undefined })}
                onGone={() => void client.invalidateQueries({ queryKey: ["kfp"] })}
              />
            ),
          },
          ...(versions.length > 1
            ? [{ value: "changes", label: "Changes", content: <Changes versions={versions} from={search.from} to={search.to} layer={search.layer} onChoose={go} /> }]
            : []),
          { value: "spec", label: "Specification", content: <Specification version={version} /> },
        ]}
      />
      {deleting ? (
        <Confirm
          title={`Delete ${name}?`}
          verb="Delete"
          onClose={() => setDeleting(false)}
          onConfirm={async () => {
            for (const each of versions) await drop(`/pipelines/${id}/versions/${each.pipeline_version_id}`);
            await drop(`/pipelines/${id}`);
            await client.invalidateQueries({ queryKey: ["kfp"] });
            await navigate({ to: "/$namespace/pipelines", params: { namespace }, search: { tab: "pipelines" } });
          }}
        >
          {versions.length > 1 ? `Its ${versions.length} versions go with it.` : "Its version goes with it."} Its runs stay.
        </Confirm>
      ) : null}
    </Page>
  );
}

type Named = [name: string, input: Input];

const COLUMNS: Column<Named>[] = [
  { title: "Input", cell: ([name]) => <strong className="artifact-title">{name}</strong>, by: ([name]) => name },
  { title: "Type", cell: ([, input]) => (input.literals ? `one of ${input.literals.map((one) => shown(one)).join(", ")}` : kind(input)) },
  { title: "Default", cell: ([, input]) => (input.defaultValue === undefined ? <span className="dim">{input.isOptional ? "optional" : "needed"}</span> : <span className="mono">{shown(input.defaultValue)}</span>) },
  { title: "Description", cell: ([, input]) => input.description },
];

function Inputs({ version }: { version: Version | undefined }) {
  const found = inputs(specOf(version));
  if (!found.length) return <p className="dim">It takes no parameters.</p>;
  return <Table label="Inputs" columns={COLUMNS} rows={found} id={([name]) => name} />;
}

function Specification({ version }: { version: Version | undefined }) {
  const text = useMemo(() => stringify(version?.pipeline_spec ?? {}, { lineWidth: 0 }), [version]);
  return (
    <div className="specification">
      <Code label="Specification of the pipeline" language="yaml" value={text} />
    </div>
  );
}
