import { Link } from "@tanstack/react-router";
import { Plus } from "lucide-react";
import { useMemo, useState } from "react";
import { useMany } from "../api/resources";
import { useNamespace } from "../app/namespace";
import { useSearched } from "../app/searched";
import { NOTEBOOK } from "../notebooks/kinds";
import { DeleteIcon } from "../objects/DeleteButton";
import { bytes, quantity } from "../objects/quantity";
import { Button } from "../ui/Button";
import { Mark } from "../ui/Mark";
import { Page, SearchBox, Toolbar } from "../ui/Page";
import { type Column, Table } from "../ui/Table";
import { Empty, Problem } from "../ui/notes";
import { Ago } from "../ui/time";
import { NewVolume } from "./NewVolume";
import { type User, modes, roomOf, sizeOf, users } from "./claims";
import { useTotal } from "./files";
import { CLAIM, type Claim, PODS } from "./kinds";
import "./volumes.css";

const LIVE = { fields: "status.phase!=Succeeded,status.phase!=Failed" };

function columns(used: Map<string, User[]>): Column<Claim>[] {
  return [
    { title: "Name", cell: (c) => <Name claim={c} />, by: (c) => c.metadata.name },
    { title: "State", cell: (c) => <Mark phase={c.metadata.deletionTimestamp ? "Terminating" : c.status?.phase} />, by: (c) => c.status?.phase ?? "" },
    { title: "Size", cell: (c) => roomOf(c), by: (c) => quantity(sizeOf(c)) ?? 0, number: true },
    { title: "Used", cell: (c) => <Used claim={c} />, number: true },
    { title: "Access", cell: (c) => <span title={c.spec.accessModes?.join(", ")}>{modes(c)}</span> },
    { title: "Class", cell: (c) => c.spec.storageClassName ?? "–", by: (c) => c.spec.storageClassName ?? "" },
    { title: "Used by", cell: (c) => <UsedBy namespace={c.metadata.namespace ?? ""} by={used.get(c.metadata.name) ?? []} /> },
    { title: "Created", cell: (c) => <Ago at={c.metadata.creationTimestamp} />, by: (c) => c.metadata.creationTimestamp },
    { title: "Actions", quiet: true, cell: (c) => <Actions claim={c} by={used.get(c.metadata.name) ?? []} /> },
  ];
}

export function VolumeList() {
  const namespace = useNamespace();
  const { items, loaded, error } = useMany(CLAIM, namespace);
  const pods = useMany(PODS, namespace, LIVE).items;
  const notebooks = useMany(NOTEBOOK, namespace).items;
  const [search, setSearch] = useSearched();
  const [making, setMaking] = useState(false);
  const cells = useMemo(() => columns(users(pods, notebooks)), [pods, notebooks]);
  const shown = items.filter((each) => each.metadata.name.includes(search.trim().toLowerCase()));
  return (
    <Page
      title="Volumes"
      facts={loaded && !error ? `${items.length} in ${namespace}` : null}
      actions={
        <Button look="primary" Icon={Plus} onClick={() => setMaking(true)}>
          New volume
        </Button>
      }
    >
      {error ? <Problem error={error} /> : null}
      {items.length ? (
        <Toolbar>
          <SearchBox value={search} onChange={setSearch} />
        </Toolbar>
      ) : null}
      {shown.length ? <Table label="Volumes" columns={cells} rows={shown} id={(c) => c.metadata.uid} /> : null}
      {items.length && !shown.length ? <p className="dim">No volume of that name.</p> : null}
      {loaded && !error && !items.length ? (
        <Empty title="No volume is here yet">
          A volume keeps files between runs: data sets, checkpoints, a notebook's workspace.{" "}
          <button type="button" className="link" onClick={() => setMaking(true)}>
            Make one
          </button>
        </Empty>
      ) : null}
      {making ? <NewVolume namespace={namespace} onClose={() => setMaking(false)} /> : null}
    </Page>
  );
}

function Name({ claim: { metadata } }: { claim: Claim }) {
  return (
    <Link to="/$namespace/volumes/$name" params={{ namespace: metadata.namespace ?? "", name: metadata.name }}>
      {metadata.name}
    </Link>
  );
}

export function Used({ claim }: { claim: Claim }) {
  const total = useTotal(claim.metadata.namespace ?? "", claim.status?.phase === "Bound" ? claim.metadata.name : "");
  return <>{total ? `${bytes(total.used)}${total.truncated ? "+" : ""}` : "–"}</>;
}

function UsedBy({ namespace, by }: { namespace: string; by: User[] }) {
  const [first, ...rest] = by;
  if (!first) return <span className="dim">nobody</span>;
  return (
    <span title={by.map((each) => `${each.kind} ${each.name}`).join("\n")}>
      {first.kind === "Notebook" ? (
        <Link to="/$namespace/notebooks/$name" params={{ namespace, name: first.name }}>
          {first.name}
        </Link>
      ) : (
        first.name
      )}
      {rest.length ? <span className="dim"> and {rest.length} more</span> : null}
    </span>
  );
}

function Actions({ claim, by }: { claim: Claim; by: User[] }) {
  const held = by.length ? ` It is used by ${by.map((each) => each.name).join(", ")} and goes when they have ended.` : "";
  return (
    <div className="row-actions">
      <DeleteIcon of={CLAIM} item={claim} consequence={`Every file in it is deleted.${held}`} />
    </div>
  );
}
