import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import { KubeError, create, remove, request } from "../api/kube";
import { collection, object, useMany } from "../api/resources";
import type { KubeList, KubeObject } from "../api/types";
import { useGroups } from "../api/groups";
import { useSearched } from "../app/searched";
import { Button, IconButton } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import { TextField } from "../ui/Fields";
import { Mark } from "../ui/Mark";
import { Page, SearchBox, Toolbar } from "../ui/Page";
import { type Column, Table } from "../ui/Table";
import { Problem } from "../ui/notes";
import { Ago } from "../ui/time";
import { notify } from "../ui/toasts";
import { COUNTED, NAMESPACE, type Namespace, QUOTA, type Quota, counts, limits, unfit, words } from "./contents";
import "./namespaces.css";

const EVERY = 5000;
/** Counts need names only, and must not bring ten thousand documents. */
const NAMES = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1, application/json";

export function NamespaceList() {
  const { items, loaded, error } = useMany(NAMESPACE);
  const quotas = useMany(QUOTA).items;
  const inside = useContents();
  const [search, setSearch] = useSearched();
  const [making, setMaking] = useState(false);
  const [doomed, setDoomed] = useState<string | null>(null);
  const shown = items.filter((each) => each.metadata.name.includes(search.trim().toLowerCase()));
  return (
    <Page
      title="Namespaces"
      facts={loaded && !error ? items.length : null}
      actions={
        <Button look="primary" Icon={Plus} onClick={() => setMaking(true)}>
          New namespace
        </Button>
      }
    >
      {error ? <Problem error={error} /> : null}
      <Toolbar>
        <SearchBox value={search} onChange={setSearch} />
      </Toolbar>
      {shown.length ? <Table label="Namespaces" columns={columns(quotas, inside, setDoomed)} rows={shown} id={(n) => n.metadata.uid} /> : null}
      {loaded && items.length && !shown.length ? <p className="dim">No namespace of that name.</p> : null}
      {making ? <NewNamespace known={items.map((n) => n.metadata.name)} onClose={() => setMaking(false)} /> : null}
      {doomed ? <Delete name={doomed} holds={inside?.get(doomed) ?? ""} onClose={() => setDoomed(null)} /> : null}
    </Page>
  );
}

function columns(quotas: Quota[], inside: Map<string, string> | undefined, onDelete: (name: string) => void): Column<Namespace>[] {
  return [
    {
      title: "Name",
      cell: (n) => (
        <Link to="/$namespace" params={{ namespace: n.metadata.name }}>
          {n.metadata.name}
        </Link>
      ),
      by: (n) => n.metadata.name,
    },
    { title: "State", cell: (n) => <Mark phase={n.status?.phase ?? "Active"} />, by: (n) => n.status?.phase ?? "" },
    { title: "Holds", rest: true, cell: (n) => inside?.get(n.metadata.name) || <span className="dim">{inside ? "nothing" : ""}</span> },
    { title: "Quota", cell: (n) => <Quotas quotas={quotas.filter((q) => q.metadata.namespace === n.metadata.name)} /> },
    { title: "Created", cell: (n) => <Ago at={n.metadata.creationTimestamp} />, by: (n) => n.metadata.creationTimestamp },
    {
      title: "Actions",
      quiet: true,
      cell: (n) => (
        <div className="row-actions">
          <IconButton label={`Delete ${n.metadata.name}`} Icon={Trash2} onClick={() => onDelete(n.metadata.name)} />
        </div>
      ),
    },
  ];
}

/** Namespace → what it holds, in words. */
function useContents(): Map<string, string> | undefined {
  const groups = useGroups();
  const { data } = useQuery({
    queryKey: ["contents", [...(groups ?? [])].length],
    queryFn: ({ signal }) => contents(groups ?? new Set(), signal),
    enabled: groups !== undefined,
    refetchInterval: EVERY,
  });
  return data;
}

async function contents(groups: ReadonlySet<string>, signal: AbortSignal): Promise<Map<string, string>> {
  const found = await Promise.all(
    COUNTED.map(async ({ of }) => {
      if (of.apiVersion !== "v1" && !groups.has(of.apiVersion)) return new Map<string, number>();
      const answer = await request(collection(of), { headers: { Accept: NAMES }, signal });
      return counts(((await answer.json()) as KubeList<KubeObject>).items);
    }),
  );
  const names = new Set(found.flatMap((each) => [...each.keys()]));
  return new Map([...names].map((name) => [name, words(found.map((each) => each.get(name) ?? 0))]));
}

function Quotas({ quotas }: { quotas: Quota[] }) {
  const found = limits(quotas);
  if (found.length === 0) return <span className="dim">none</span>;
  return (
    <ul className="quotas">
      {found.map(({ name, used, hard, share }) => (
        <li key={name}>
          <span>{name}</span>
          <meter min={0} max={1} high={0.9} optimum={0.2} value={Math.min(1, share)} aria-label={`${name}: ${used} of ${hard}`} />
          <span className="dim number">
            {used} of {hard}
          </span>
        </li>
      ))}
    </ul>
  );
}

function NewNamespace({ known, onClose }: { known: string[]; onClose: () => void }) {
  const [name, setName] = useState("");
  const [error, setError] = useState<KubeError | null>(null);
  const wrong = unfit(name, known);
  async function submit() {
    try {
      await create(collection(NAMESPACE), { apiVersion: "v1", kind: "Namespace", metadata: { name } });
      notify(`Namespace ${name} created`);
      onClose();
    } catch (problem) {
      setError(KubeError.of(problem));
    }
  }
  return (
    <Dialog title="New namespace" onClose={onClose}>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          void submit();
        }}
      >
        <TextField label="Name" value={name} error={name ? wrong : undefined} required autoFocus autoComplete="off" onChange={setName} />
        {error ? <Problem error={error} /> : null}
        <footer className="dialog-foot">
          <Button look="primary" type="submit" disabled={Boolean(wrong)}>
            Create
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}

/** Everything goes with it: whoever means it types its name. */
function Delete({ name, holds, onClose }: { name: string; holds: string; onClose: () => void }) {
  const [typed, setTyped] = useState("");
  const [error, setError] = useState<KubeError | null>(null);
  async function submit() {
    try {
      await remove(object(NAMESPACE, "", name));
      notify(`Namespace ${name} is being deleted`);
      onClose();
    } catch (problem) {
      setError(KubeError.of(problem));
    }
  }
  return (
    <Dialog title={`Delete namespace ${name}?`} onClose={onClose}>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          void submit();
        }}
      >
        <p>Everything in it is deleted, the files of its volumes too{holds ? `: ${holds}` : ""}. There is no way back.</p>
        <TextField label={`Type ${name} to confirm`} value={typed} autoFocus autoComplete="off" onChange={setTyped} />
        {error ? <Problem error={error} /> : null}
        <footer className="dialog-foot">
          <Button onClick={onClose}>Cancel</Button>
          <Button look="danger" type="submit" disabled={typed !== name}>
            Delete
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}
