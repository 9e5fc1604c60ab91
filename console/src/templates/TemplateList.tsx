/** WorkflowTemplates of the namespace and ClusterWorkflowTemplates of all. */

import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { PenLine, Play } from "lucide-react";
import { useMemo, useState } from "react";
import { CLUSTER_WORKFLOW_TEMPLATE, WORKFLOW_TEMPLATE, useMany } from "../api/resources";
import { useNamespace } from "../app/namespace";
import { IconButton } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import { Page, SearchBox, Segments, Toolbar } from "../ui/Page";
import { type Column, Table } from "../ui/Table";
import { Empty, Problem } from "../ui/notes";
import { Ago } from "../ui/time";
import { RunForm } from "../workflows/RunForm";
import { useSources } from "../workflows/NewRun";
import type { Source } from "../workflows/arguments";
import "./templates.css";

export const PLURALS = { WorkflowTemplate: "workflowtemplates", ClusterWorkflowTemplate: "clusterworkflowtemplates" } as const;
const KINDS = ["All", "Namespace", "Cluster"] as const;

export function described({ item }: Source): string {
  return item.metadata.annotations?.["workflows.argoproj.io/description"] ?? "";
}

export function TemplateList() {
  const namespace = useNamespace();
  const { q = "", kind = "All" } = useSearch({ from: "/$namespace/templates" });
  const navigate = useNavigate({ from: "/$namespace/templates" });
  const [running, setRunning] = useState<Source | null>(null);
  const own = useMany(WORKFLOW_TEMPLATE, namespace);
  const shared = useMany(CLUSTER_WORKFLOW_TEMPLATE);
  const sources = useSources(namespace);
  const columns = useMemo(() => columnsFor(namespace, setRunning), [namespace]);
  const wanted = q.trim().toLowerCase();
  const shown = sources.filter(
    (s) => (kind === "All" || (kind === "Cluster") === (s.kind === "ClusterWorkflowTemplate")) && `${s.item.metadata.name} ${described(s)}`.toLowerCase().includes(wanted),
  );
  const loaded = own.loaded && shared.loaded;
  const error = own.error ?? shared.error;
  return (
    <Page
      title="Templates"
      facts={loaded && !error ? `${own.items.length} in ${namespace}, ${shared.items.length} for all` : null}
      actions={
        <Link to={`/${encodeURIComponent(namespace)}/composer` as string} className="button button-primary">
          <PenLine size={15} aria-hidden /> Draw a template
        </Link>
      }
    >
      {error ? <Problem error={error} /> : null}
      {sources.length ? (
        <Toolbar>
          <SearchBox value={q} label="Name or description" onChange={(next) => void navigate({ search: (s) => ({ ...s, q: next }), replace: true })} />
          <Segments
            label="Of which scope"
            options={KINDS}
            value={KINDS.find((k) => k === kind) ?? "All"}
            onChange={(next) => void navigate({ search: (s) => ({ ...s, kind: next }), replace: true })}
          />
        </Toolbar>
      ) : null}
      {shown.length ? <Table label="Templates" columns={columns} rows={shown} id={(s) => s.item.metadata.uid} /> : null}
      {sources.length && !shown.length ? <p className="dim">No template fits.</p> : null}
      {loaded && !error && !sources.length ? (
        <Empty title="No templates yet">
          A WorkflowTemplate is a workflow kept for many runs. Draw one in the composer, or{" "}
          <code>pinnace kubectl apply -f TEMPLATE.yaml</code> brings one.
        </Empty>
      ) : null}
      {running ? (
        <Dialog title={`Run ${running.item.metadata.name}`} onClose={() => setRunning(null)}>
          <RunForm source={running} namespace={namespace} onClose={() => setRunning(null)} />
        </Dialog>
      ) : null}
    </Page>
  );
}

function columnsFor(namespace: string, run: (source: Source) => void): Column<Source>[] {
  return [
    {
      title: "Name",
      cell: (s) => (
        <Link to="/$namespace/templates/$kind/$name" params={{ namespace, kind: PLURALS[s.kind], name: s.item.metadata.name }}>
          {s.item.metadata.name}
        </Link>
      ),
      by: (s) => s.item.metadata.name,
    },
    { title: "Description", rest: true, cell: (s) => <div className="message">{described(s)}</div> },
    { title: "Scope", cell: (s) => (s.kind === "WorkflowTemplate" ? namespace : "all namespaces"), by: (s) => s.kind },
    { title: "Templates", cell: (s) => s.item.spec.templates?.length ?? 0, by: (s) => s.item.spec.templates?.length ?? 0, number: true },
    { title: "Created", cell: (s) => <Ago at={s.item.metadata.creationTimestamp} />, by: (s) => s.item.metadata.creationTimestamp },
    { title: "Run", quiet: true, width: "48px", cell: (s) => <IconButton label={`Run ${s.item.metadata.name}`} Icon={Play} onClick={() => run(s)} /> },
  ];
}
