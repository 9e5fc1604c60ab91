/** One template: what it asks for, its runs, its YAML. */

import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { PenLine, Play } from "lucide-react";
import { useMemo, useState } from "react";
import { CLUSTER_WORKFLOW_TEMPLATE, WORKFLOW, WORKFLOW_TEMPLATE, useMany, useOne } from "../api/resources";
import type { Parameter, Template, Workflow } from "../api/types";
import { DeleteButton } from "../objects/DeleteButton";
import { Yaml } from "../objects/Yaml";
import { Button } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import { Mark } from "../ui/Mark";
import { Page } from "../ui/Page";
import { type Column, Table } from "../ui/Table";
import { Tabs } from "../ui/Tabs";
import { Empty, Problem } from "../ui/notes";
import { Ago, Duration } from "../ui/time";
import { RunForm } from "../workflows/RunForm";
import { type Source, initial } from "../workflows/arguments";
import { templateOf } from "../workflows/search";
import { described } from "./TemplateList";
import "./templates.css";

export function TemplatePage() {
  const { namespace, kind, name } = useParams({ from: "/$namespace/templates/$kind/$name" });
  const cluster = kind === "clusterworkflowtemplates";
  const { item, loaded, error } = useOne(cluster ? CLUSTER_WORKFLOW_TEMPLATE : WORKFLOW_TEMPLATE, namespace, name);
  if (error)
    return (
      <Page title={name}>
        <Problem error={error} />
      </Page>
    );
  if (loaded && !item)
    return (
      <Empty title={`There is no template ${name}`} level={1}>
        <Link to="/$namespace/templates" params={{ namespace }}>
          All templates
        </Link>
      </Empty>
    );
  return item ? <Known namespace={namespace} source={{ kind: cluster ? "ClusterWorkflowTemplate" : "WorkflowTemplate", item }} /> : null;
}

function Known({ source, namespace }: { source: Source; namespace: string }) {
  const { item, kind } = source;
  const { name } = item.metadata;
  const { tab } = useSearch({ from: "/$namespace/templates/$kind/$name" });
  const navigate = useNavigate({ from: "/$namespace/templates/$kind/$name" });
  const [running, setRunning] = useState(false);
  const of = kind === "WorkflowTemplate" ? WORKFLOW_TEMPLATE : CLUSTER_WORKFLOW_TEMPLATE;
  return (
    <Page
      title={name}
      crumbs={
        <Link to="/$namespace/templates" params={{ namespace }}>
          Templates
        </Link>
      }
      facts={kind === "WorkflowTemplate" ? null : "for all namespaces"}
      actions={
        <>
          <Button look="primary" Icon={Play} onClick={() => setRunning(true)}>
            Run
          </Button>
          <Button Icon={PenLine} onClick={() => void navigate({ to: `/${namespace}/composer/${kind}/${name}` as string })}>
            Open in the composer
          </Button>
          <DeleteButton
            of={of}
            item={item}
            consequence="Runs that were made of it stay; new ones cannot be made."
            onDeleted={() => void navigate({ to: "/$namespace/templates", params: { namespace } })}
          />
        </>
      }
    >
      {described(source) ? <p className="template-about">{described(source)}</p> : null}
      <Tabs
        label="About this template"
        value={tab}
        onChange={(next) => void navigate({ search: { tab: next }, replace: true })}
        tabs={[
          { value: "steps", label: "About", content: <Steps templates={item.spec.templates ?? []} entrypoint={item.spec.entrypoint} given={item.spec.arguments?.parameters ?? []} /> },
          { value: "runs", label: "Runs", content: <Runs namespace={namespace} name={name} /> },
          { value: "yaml", label: "YAML", content: <Yaml of={of} item={item} /> },
        ]}
      />
      {running ? (
        <Dialog title={`Run ${name}`} onClose={() => setRunning(false)}>
          <RunForm source={source} namespace={namespace} onClose={() => setRunning(false)} />
        </Dialog>
      ) : null}
    </Page>
  );
}

const SORTS = ["container", "script", "dag", "steps", "resource", "suspend", "http", "containerSet", "plugin", "data"];

const ASKED: Column<Parameter>[] = [
  { title: "Name", cell: (p) => <span className="mono">{p.name}</span> },
  { title: "Value", cell: (p) => initial(p) || <span className="dim">to be given</span> },
  { title: "Choices", cell: (p) => p.enum?.join(", ") ?? <span className="dim">any</span> },
  { title: "Description", rest: true, cell: (p) => <div className="message">{p.description}</div> },
];

const ports = (side: Template["inputs"]) => [...(side?.parameters ?? []), ...(side?.artifacts ?? [])].map(({ name }) => name).join(", ");

function imageOf({ container, script }: Template): string {
  return ((container ?? script) as { image?: string } | undefined)?.image ?? "";
}

function parts(entrypoint: string | undefined): Column<Template>[] {
  return [
    {
      title: "Name",
      cell: (t) => (
        <>
          <strong>{t.name}</strong>
          {t.name === entrypoint ? <span className="tag">begins here</span> : null}
        </>
      ),
    },
    { title: "Kind", cell: (t) => SORTS.find((sort) => sort in t) },
    { title: "Image", cell: (t) => <span className="mono">{imageOf(t)}</span> },
    { title: "Takes", cell: (t) => ports(t.inputs) || <span className="dim">nothing</span> },
    { title: "Gives", rest: true, cell: (t) => <div className="message">{ports(t.outputs) || "nothing"}</div> },
  ];
}

function Steps({ templates, entrypoint, given }: { templates: Template[]; entrypoint: string | undefined; given: Parameter[] }) {
  return (
    <>
      {given.length ? (
        <section className="part template-part">
          <h2>Arguments</h2>
          <Table label="Arguments" columns={ASKED} rows={given} id={(p) => p.name} />
        </section>
      ) : null}
      <section className="part template-part">
        <h2>Templates</h2>
        <Table label="Templates of this document" columns={parts(entrypoint)} rows={templates} id={(one) => one.name} />
      </section>
    </>
  );
}

const RUNS: Column<Workflow>[] = [
  {
    title: "Run",
    cell: ({ metadata: { name, namespace = "" } }) => (
      <Link to="/$namespace/workflows/$name" params={{ namespace, name }}>
        {name}
      </Link>
    ),
    by: (w) => w.metadata.name,
  },
  { title: "State", cell: (w) => <Mark phase={w.status?.phase} /> },
  { title: "Duration", cell: (w) => <Duration from={w.status?.startedAt} to={w.status?.finishedAt} /> },
  { title: "Created", cell: (w) => <Ago at={w.metadata.creationTimestamp} />, by: (w) => w.metadata.creationTimestamp },
];

function Runs({ namespace, name }: { namespace: string; name: string }) {
  const { items, loaded } = useMany(WORKFLOW, namespace);
  const runs = useMemo(() => items.filter((w) => templateOf(w) === name), [items, name]);
  if (loaded && !runs.length) return <Empty title={`No run in ${namespace} was made of it yet`}><strong>Run</strong> above asks for its arguments.</Empty>;
  return runs.length ? <Table label="Runs" columns={RUNS} rows={runs} id={(w) => w.metadata.uid} /> : null;
}
