/** Where drawing begins: what is open in this browser, what is saved, examples, a file. */

import { Link, useNavigate } from "@tanstack/react-router";
import { FilePlus2, FolderOpen, Trash2 } from "lucide-react";
import { type DragEvent, useRef, useState } from "react";
import type { KubeError } from "../api/kube";
import { CLUSTER_WORKFLOW_TEMPLATE, CRON_WORKFLOW, INFERENCE_GRAPH, WORKFLOW_TEMPLATE, useMany } from "../api/resources";
import { useServed } from "../api/served";
import type { KubeObject } from "../api/types";
import { useNamespace } from "../app/namespace";
import { type Pipeline, usePipelines } from "../pipelines/kfp";
import { Button, IconButton } from "../ui/Button";
import { Page, SearchBox, Toolbar } from "../ui/Page";
import { type Column, Table } from "../ui/Table";
import { Empty, Problem } from "../ui/notes";
import { Ago } from "../ui/time";
import "./composer.css";
import { FileInput } from "./FileInput";
import { AcumosImport } from "./acumos/AcumosImport";
import { ask } from "./acumos/pending";
import { isAcumos } from "./acumos/translation";
import * as drafts from "./drafts";
import { EXAMPLES } from "./examples";
import { isCatalogue } from "./library";
import { Picture } from "./icons";
import { PIPELINE } from "./pipelines/keeping";

interface Saved {
  kind: string;
  item: KubeObject;
  /** In its address, where that is not its name. */
  id?: string;
  about?: string | undefined;
}

const COLUMNS: Column<Saved>[] = [
  {
    title: "Name",
    cell: ({ kind, item: { metadata }, id = metadata.name }) => (
      <Link to="/$namespace/composer/$kind/$name" params={(old) => ({ namespace: metadata.namespace ?? old.namespace ?? "default", kind, name: id })}>
        {metadata.name}
      </Link>
    ),
    by: ({ item }) => item.metadata.name,
  },
  { title: "Kind", cell: ({ kind }) => kind, by: ({ kind }) => kind },
  { title: "Description", cell: ({ item, about }) => <div className="message">{about ?? item.metadata.annotations?.["workflows.argoproj.io/description"] ?? ""}</div> },
  { title: "Created", cell: ({ item }) => <Ago at={item.metadata.creationTimestamp} />, by: ({ item }) => item.metadata.creationTimestamp },
];

export function Start() {
  const namespace = useNamespace();
  const saved = useSaved(namespace);
  const [search, setSearch] = useState("");
  const begin = useBegin(namespace);
  const shown = saved.items.filter(({ item }) => item.metadata.name.includes(search.trim()));
  return (
    <Page
      title="Composer"
      actions={
        <>
          <OpenFile onText={begin} />
          <Button look="primary" Icon={FilePlus2} onClick={() => begin(EXAMPLES[0]?.text ?? "")}>
            New workflow
          </Button>
        </>
      }
    >
      <AcumosImport />
      {/* biome-ignore lint/a11y/noStaticElementInteractions: a file may be dropped; the button does the same */}
      <div className="composer-start" onDragOver={(e) => e.preventDefault()} onDrop={(e) => void dropped(e, begin)}>
        <section aria-label="Begin with">
          <h2>Begin with</h2>
          <ul className="cards">
            {EXAMPLES.map((each) => (
              <li key={each.title}>
                <button type="button" className="example" onClick={() => begin(each.text)}>
                  <Picture name={each.icon} size={18} />
                  <span>
                    <strong>{each.title}</strong>
                    <span className="dim">{each.about}</span>
                  </span>
                </button>
              </li>
            ))}
          </ul>
        </section>
        <Drafts namespace={namespace} />
        <section aria-label="Saved">
          <h2>Saved in {namespace} and the cluster</h2>
          <Toolbar>
            <SearchBox value={search} onChange={setSearch} />
          </Toolbar>
          {shown.length ? <Table label="Saved documents" columns={COLUMNS} rows={shown} id={({ item }) => item.metadata.uid} /> : null}
          {saved.error ? <Problem error={saved.error} /> : null}
          {saved.loaded && !saved.error && shown.length === 0 ? (
            <Empty title={search ? "No document of that name" : "Nothing is saved yet"}>
              {search ? null : "Draw a workflow and save it as a template: it is then here, in the palette, and for kubectl."}
            </Empty>
          ) : null}
        </section>
      </div>
    </Page>
  );
}

/** A text becomes a draft, which is opened; of a composition of Acumos it is asked first what it is to become. */
export function useBegin(namespace: string): (text: string) => void {
  const navigate = useNavigate();
  return (text) => {
    if (isAcumos(text)) {
      ask({ text, namespace });
      return;
    }
    const id = drafts.fresh();
    drafts.keep({ id, namespace, kind: "Workflow", name: "", text, at: Date.now(), base: null });
    void navigate({ to: "/$namespace/composer/$kind/$name", params: { namespace, kind: "draft", name: id } });
  };
}

async function dropped(event: DragEvent, begin: (text: string) => void): Promise<void> {
  const file = event.dataTransfer.files[0];
  if (!file) return;
  event.preventDefault();
  begin(await file.text());
}

export function OpenFile({ onText }: { onText: (text: string) => void }) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <FileInput label="A file with YAML or JSON" ref={input} onText={onText} />
      <Button Icon={FolderOpen} onClick={() => input.current?.click()}>
        Open a file
      </Button>
    </>
  );
}

function useSaved(namespace: string): { items: Saved[]; loaded: boolean; error: KubeError | null } {
  const templates = useMany(WORKFLOW_TEMPLATE, namespace);
  const shared = useMany(CLUSTER_WORKFLOW_TEMPLATE);
  const crons = useMany(CRON_WORKFLOW, namespace);
  const graphs = useServed(INFERENCE_GRAPH);
  const routed = useMany(INFERENCE_GRAPH, namespace);
  const { data } = usePipelines();
  const of = (kind: string, items: readonly KubeObject[]): Saved[] => items.map((item) => ({ kind, item }));
  return {
    loaded: templates.loaded && shared.loaded,
    error: templates.error,
    items: [
      ...of("WorkflowTemplate", templates.items),
      ...of("CronWorkflow", crons.items),
      ...(graphs ? of("InferenceGraph", routed.items) : []),
      ...(data?.pipelines ?? []).map(pipeline),
      ...of("ClusterWorkflowTemplate", shared.items.filter((each) => !isCatalogue(each))),
    ],
  };
}

function pipeline({ pipeline_id: id, display_name: name, description, created_at }: Pipeline): Saved {
  return { kind: PIPELINE, id, about: description, item: { metadata: { name, uid: id, creationTimestamp: created_at, resourceVersion: "" } } };
}

/** What was begun here and is not saved. */
function Drafts({ namespace }: { namespace: string }) {
  const [all, setAll] = useState(() => drafts.all());
  const here = all.filter((each) => each.namespace === namespace);
  if (here.length === 0) return null;
  return (
    <section aria-label="Drafts in this browser">
      <h2>Drafts in this browser</h2>
      <ul className="drafts">
        {here.map((each) => {
          const name = each.name || each.id;
          const stored = each.base?.hidden.pipeline;
          const target = stored ? { kind: PIPELINE, name: stored } : each.base ? { kind: each.kind, name: each.name } : { kind: "draft", name: each.id };
          return (
            <li key={each.id}>
              <Link to="/$namespace/composer/$kind/$name" params={{ namespace, ...target }}>
                {name}
              </Link>
              <span className="dim">{each.kind}</span>
              <Ago at={new Date(each.at).toISOString()} />
              <IconButton
                label={`Discard the draft ${name}`}
                Icon={Trash2}
                onClick={() => {
                  drafts.discard(each.id);
                  setAll(drafts.all());
                }}
              />
            </li>
          );
        })}
      </ul>
    </section>
  );
}
