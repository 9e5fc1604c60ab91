import { Link } from "@tanstack/react-router";
import { Plus } from "lucide-react";
import { useMany } from "../api/resources";
import { useNamespace } from "../app/namespace";
import { useSearched } from "../app/searched";
import { Mark } from "../ui/Mark";
import { Page, SearchBox, Toolbar } from "../ui/Page";
import { type Column, Table } from "../ui/Table";
import { Empty, Problem } from "../ui/notes";
import { Ago } from "../ui/time";
import { Remove } from "./Remove";
import { Connect, Turn } from "./actions";
import { NOTEBOOK, type NotebookObject } from "./kinds";
import "./notebooks.css";
import { asked, claims, devices, lastActivity, main, shortImage, state, typeOf } from "./state";

const COLUMNS: Column<NotebookObject>[] = [
  { title: "Status", cell: (n) => <Status notebook={n} />, by: (n) => state(n).phase },
  { title: "Name", cell: (n) => <Name notebook={n} />, by: (n) => n.metadata.name },
  { title: "Type", cell: (n) => typeOf(n), by: typeOf },
  { title: "Age", cell: (n) => <Ago at={n.metadata.creationTimestamp} bare />, by: (n) => n.metadata.creationTimestamp },
  { title: "Last activity", cell: (n) => <LastActivity notebook={n} />, by: (n) => lastActivity(n) ?? "" },
  { title: "Image", cell: (n) => <Image notebook={n} />, by: (n) => main(n)?.image ?? "" },
  { title: "CPU", cell: (n) => asked(n, "cpu") || "–", number: true },
  { title: "Memory", cell: (n) => asked(n, "memory") || "–", number: true },
  { title: "GPUs", cell: (n) => devices(n).map(([, amount]) => amount).join(", ") || "–", number: true },
  { title: "Volumes", cell: (n) => <Claims notebook={n} />, number: true },
  { title: "Actions", quiet: true, cell: (n) => <Actions notebook={n} /> },
];

export function NotebookList() {
  const namespace = useNamespace();
  const { items, loaded, error } = useMany(NOTEBOOK, namespace);
  const [search, setSearch] = useSearched();
  const shown = items.filter((each) => each.metadata.name.includes(search.trim().toLowerCase()));
  return (
    <Page title="Notebooks" facts={loaded && !error ? `${items.length} in ${namespace}` : null} actions={<NewServer namespace={namespace} />}>
      {error ? <Problem error={error} /> : null}
      {items.length ? (
        <Toolbar>
          <SearchBox value={search} onChange={setSearch} />
        </Toolbar>
      ) : null}
      <div className="notebook-list">
        {shown.length ? <Table label="Notebooks" columns={COLUMNS} rows={shown} id={(n) => n.metadata.uid} /> : null}
      </div>
      {loaded && !error && !items.length ? (
        <Empty title="No notebook is here yet">
          A notebook is a JupyterLab of your own, with a volume that keeps your work while it is stopped.{" "}
          <Link to="/$namespace/notebooks/new" params={{ namespace }}>
            Make the first one
          </Link>
        </Empty>
      ) : null}
    </Page>
  );
}

function NewServer({ namespace }: { namespace: string }) {
  return (
    <Link to="/$namespace/notebooks/new" params={{ namespace }} className="button button-primary">
      <Plus size={15} aria-hidden /> New server
    </Link>
  );
}

function Status({ notebook }: { notebook: NotebookObject }) {
  const { phase, tone, says } = state(notebook);
  return (
    <span title={says}>
      <Mark phase={phase} tone={tone} />
    </span>
  );
}

function Name({ notebook: { metadata } }: { notebook: NotebookObject }) {
  return (
    <Link to="/$namespace/notebooks/$name" params={{ namespace: metadata.namespace ?? "", name: metadata.name }}>
      {metadata.name}
    </Link>
  );
}

function LastActivity({ notebook }: { notebook: NotebookObject }) {
  const at = lastActivity(notebook);
  return at ? <Ago at={at} /> : <span className="dim">–</span>;
}

function Image({ notebook }: { notebook: NotebookObject }) {
  const image = main(notebook)?.image ?? "";
  return (
    <div className="notebook-image" title={image}>
      {shortImage(image)}
    </div>
  );
}

function Claims({ notebook }: { notebook: NotebookObject }) {
  const found = claims(notebook);
  return <span title={found.map((each) => `${each.claim} at ${each.path}`).join("\n")}>{found.length || "–"}</span>;
}

function Actions({ notebook }: { notebook: NotebookObject }) {
  return (
    <div className="row-actions">
      <Connect notebook={notebook} />
      <Turn notebook={notebook} small />
      <Remove notebook={notebook} small />
    </div>
  );
}
