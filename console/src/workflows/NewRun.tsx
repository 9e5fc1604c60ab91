/** The ways to a new run: a document, or a template with its arguments. */

import { useNavigate } from "@tanstack/react-router";
import { FileText, LayoutTemplate, PenLine } from "lucide-react";
import { useState } from "react";
import { CLUSTER_WORKFLOW_TEMPLATE, WORKFLOW_TEMPLATE, useMany } from "../api/resources";
import { Dialog } from "../ui/Dialog";
import { Menu } from "../ui/Menu";
import { SearchBox } from "../ui/Page";
import { RunForm } from "./RunForm";
import { SubmitYaml } from "./SubmitYaml";
import type { Source } from "./arguments";

export function NewRun({ namespace }: { namespace: string }) {
  const [open, setOpen] = useState<"yaml" | "template" | null>(null);
  const navigate = useNavigate();
  const close = () => setOpen(null);
  return (
    <>
      <Menu
        label="New run"
        text="New"
        look="primary"
        items={[
          { label: "From YAML", Icon: FileText, onSelect: () => setOpen("yaml") },
          { label: "From a template", Icon: LayoutTemplate, onSelect: () => setOpen("template") },
          { label: "Draw one", Icon: PenLine, onSelect: () => void navigate({ to: `/${namespace}/composer` as string }) },
        ]}
      />
      {open === "yaml" ? <SubmitYaml namespace={namespace} onClose={close} /> : null}
      {open === "template" ? <FromTemplate namespace={namespace} onClose={close} /> : null}
    </>
  );
}

export function useSources(namespace: string): Source[] {
  const own = useMany(WORKFLOW_TEMPLATE, namespace);
  const shared = useMany(CLUSTER_WORKFLOW_TEMPLATE);
  return [
    ...own.items.map((item): Source => ({ kind: "WorkflowTemplate", item })),
    ...shared.items.map((item): Source => ({ kind: "ClusterWorkflowTemplate", item })),
  ];
}

function FromTemplate({ namespace, onClose }: { namespace: string; onClose: () => void }) {
  const sources = useSources(namespace);
  const [source, setSource] = useState<Source | null>(null);
  const [search, setSearch] = useState("");
  const found = sources.filter((s) => s.item.metadata.name.includes(search.trim().toLowerCase()));
  if (source)
    return (
      <Dialog title={`Run ${source.item.metadata.name}`} onClose={onClose}>
        <RunForm source={source} namespace={namespace} onClose={onClose} />
      </Dialog>
    );
  return (
    <Dialog title="Run a template" onClose={onClose}>
      <SearchBox value={search} onChange={setSearch} label="Search templates" />
      <ul className="choices">
        {found.map((each) => (
          <li key={each.item.metadata.uid}>
            <button type="button" className="choice" onClick={() => setSource(each)}>
              <strong>{each.item.metadata.name}</strong>
              <span className="dim">{each.kind === "WorkflowTemplate" ? namespace : "all namespaces"}</span>
            </button>
          </li>
        ))}
      </ul>
      {found.length ? null : (
        <p className="dim">
          No template of that name. <code>pinnace kubectl apply -f TEMPLATE.yaml</code> brings one.
        </p>
      )}
    </Dialog>
  );
}
