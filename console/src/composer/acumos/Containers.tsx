/** The containers of a composition: their operations, and where each runs or what is to be run. */

import { type Column, Table } from "../../ui/Table";
import type { Container, Given } from "./translation";

interface Props {
  containers: readonly Container[];
  given: Given;
  onGiven: (given: Given) => void;
}

export function Containers({ containers, given, onGiven }: Props) {
  const set = (what: "addresses" | "images") => (name: string, text: string) => onGiven({ ...given, [what]: { ...given[what], [name]: text.trim() } });
  const columns: Column<Container>[] = [
    { title: "Container", cell: (c) => c.name },
    { title: "Kind", cell: (c) => c.kind },
    { title: "Operations", cell: (c) => c.operations.join(", ") || "–" },
    { title: "Runs at", cell: (c) => <Cell label={`Address of ${c.name}`} value={given.addresses[c.name] ?? ""} hint="host:port" onChange={(text) => set("addresses")(c.name, text)} /> },
    {
      title: "Else run",
      cell: (c) => (
        <Cell label={`Image of ${c.name}`} value={given.images[c.name] ?? ""} hint={c.image || "an image"} disabled={Boolean(given.addresses[c.name])} onChange={(text) => set("images")(c.name, text)} />
      ),
    },
  ];
  return <Table label="Containers" columns={columns} rows={[...containers]} id={(c) => c.name} />;
}

interface CellProps {
  label: string;
  value: string;
  hint: string;
  disabled?: boolean;
  onChange: (text: string) => void;
}

function Cell({ label, value, hint, disabled = false, onChange }: CellProps) {
  return <input className="cell-input" aria-label={label} placeholder={hint} value={value} disabled={disabled} spellCheck={false} onChange={(e) => onChange(e.target.value)} />;
}
