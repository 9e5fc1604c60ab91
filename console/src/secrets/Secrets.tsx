/** Secrets, whose values are shown one by one and only when asked for, and ConfigMaps, whose values may be seen. */

import { useNavigate, useSearch } from "@tanstack/react-router";
import { Plus } from "lucide-react";
import { useState } from "react";
import { type Many, type Resource, useMany } from "../api/resources";
import { useNamespace } from "../app/namespace";
import { useSearched } from "../app/searched";
import { DeleteIcon } from "../objects/DeleteButton";
import { Button } from "../ui/Button";
import { Page, SearchBox, Toolbar } from "../ui/Page";
import { type Column, Table } from "../ui/Table";
import { Tabs } from "../ui/Tabs";
import { Empty, Problem } from "../ui/notes";
import { Ago } from "../ui/time";
import { EditEntries } from "./EditEntries";
import { NewSecret } from "./NewSecret";
import { Shown } from "./Shown";
import { CONFIG_MAP, type ConfigMap, SECRET, type Secret, typeOf } from "./entries";
import "./secrets.css";

const FROM = "/$namespace/secrets";

export function Secrets() {
  const namespace = useNamespace();
  const { tab, open } = useSearch({ from: FROM });
  const navigate = useNavigate({ from: FROM });
  const [making, setMaking] = useState(false);
  const maps = tab === "configmaps";
  const show = (name: string | null) => void navigate({ search: { ...(tab ? { tab } : {}), ...(name ? { open: name } : {}) } });
  const tabs = [
    { value: "secrets", label: "Secrets", content: <SecretTable namespace={namespace} onOpen={show} open={maps ? undefined : open} /> },
    { value: "configmaps", label: "ConfigMaps", content: <MapTable namespace={namespace} onOpen={show} open={maps ? open : undefined} /> },
  ];
  return (
    <Page
      title="Secrets"
      actions={
        <Button look="primary" Icon={Plus} onClick={() => setMaking(true)}>
          {maps ? "New ConfigMap" : "New secret"}
        </Button>
      }
    >
      <Tabs label="Kind" tabs={tabs} value={tab} onChange={(value) => void navigate({ search: { tab: value } })} />
      {making && !maps ? <NewSecret namespace={namespace} onClose={() => setMaking(false)} /> : null}
      {making && maps ? <EditEntries of={CONFIG_MAP} namespace={namespace} onClose={() => setMaking(false)} /> : null}
    </Page>
  );
}

interface TableProps {
  namespace: string;
  open: string | undefined;
  onOpen: (name: string | null) => void;
}

function SecretTable({ namespace, open, onOpen }: TableProps) {
  const many = useMany(SECRET, namespace);
  const columns: Column<Secret>[] = [
    { title: "Name", cell: (s) => <Open name={s.metadata.name} onOpen={onOpen} />, by: (s) => s.metadata.name },
    { title: "Type", cell: typeOf, by: typeOf },
    { title: "Keys", rest: true, cell: (s) => <Keys keys={Object.keys(s.data ?? {})} /> },
    { title: "Created", cell: (s) => <Ago at={s.metadata.creationTimestamp} />, by: (s) => s.metadata.creationTimestamp },
    { title: "Actions", quiet: true, cell: (s) => <Remove of={SECRET} item={s} consequence="What reads it fails at its next start." /> },
  ];
  const item = many.items.find((each) => each.metadata.name === open);
  return (
    <>
      <Found many={many} columns={columns} label="Secrets" empty="A secret keeps a password, a token or a key, and pods get it without anybody reading it in a manifest." />
      {item ? <Shown of={SECRET} item={item} hidden onClose={() => onOpen(null)} /> : null}
    </>
  );
}

function MapTable({ namespace, open, onOpen }: TableProps) {
  const many = useMany(CONFIG_MAP, namespace);
  const columns: Column<ConfigMap>[] = [
    { title: "Name", cell: (m) => <Open name={m.metadata.name} onOpen={onOpen} />, by: (m) => m.metadata.name },
    { title: "Keys", rest: true, cell: (m) => <Keys keys={[...Object.keys(m.data ?? {}), ...Object.keys(m.binaryData ?? {})]} /> },
    { title: "Created", cell: (m) => <Ago at={m.metadata.creationTimestamp} />, by: (m) => m.metadata.creationTimestamp },
    { title: "Actions", quiet: true, cell: (m) => <Remove of={CONFIG_MAP} item={m} consequence="What reads it fails at its next start." /> },
  ];
  const item = many.items.find((each) => each.metadata.name === open);
  return (
    <>
      <Found many={many} columns={columns} label="ConfigMaps" empty="A ConfigMap holds settings and small files that pods read." />
      {item ? <Shown of={CONFIG_MAP} item={item} onClose={() => onOpen(null)} /> : null}
    </>
  );
}

function Found<T extends Secret | ConfigMap>(props: { many: Many<T>; columns: Column<T>[]; label: string; empty: string }) {
  const { many, columns, label, empty } = props;
  const [search, setSearch] = useSearched();
  const shown = many.items.filter((each) => each.metadata.name.includes(search.trim().toLowerCase()));
  if (many.error) return <Problem error={many.error} />;
  if (many.loaded && !many.items.length) return <Empty title={`No ${label} are here yet`}>{empty}</Empty>;
  return (
    <>
      <Toolbar>
        <SearchBox value={search} onChange={setSearch} />
      </Toolbar>
      {shown.length ? <Table label={label} columns={columns} rows={shown} id={(each) => each.metadata.uid} /> : null}
      {many.items.length && !shown.length ? <p className="dim">No {label} of that name.</p> : null}
    </>
  );
}

function Open({ name, onOpen }: { name: string; onOpen: (name: string) => void }) {
  return (
    <button type="button" className="link" onClick={() => onOpen(name)}>
      {name}
    </button>
  );
}

function Keys({ keys }: { keys: string[] }) {
  return <div className="secret-keys mono">{keys.join(", ") || "–"}</div>;
}

function Remove(props: { of: Resource; item: Secret | ConfigMap; consequence: string }) {
  return (
    <div className="row-actions">
      <DeleteIcon {...props} />
    </div>
  );
}
