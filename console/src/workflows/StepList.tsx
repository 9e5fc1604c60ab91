/** The run's steps as a table: for who prefers to read, and for screen readers. */

import { Link } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import type { NodeStatus } from "../api/types";
import { Mark, word } from "../ui/Mark";
import { SearchBox, Toolbar } from "../ui/Page";
import { type Column, Table } from "../ui/Table";
import { Duration, seconds } from "../ui/time";
import { drawn } from "./story";

const COLUMNS: Column<NodeStatus>[] = [
  { title: "Step", cell: (n) => <StepLink node={n} />, by: (n) => n.displayName },
  { title: "State", cell: (n) => <Mark phase={n.phase} />, by: (n) => word(n.phase) },
  { title: "Template", cell: (n) => <span className="dim">{n.templateRef?.template ?? n.templateName ?? n.type}</span>, by: (n) => n.templateName ?? "" },
  { title: "Duration", cell: (n) => <Duration from={n.startedAt} to={n.finishedAt} />, by: (n) => seconds(n.startedAt, n.finishedAt, Date.now()) ?? -1, number: true },
  { title: "Message", cell: (n) => <div className="message" title={n.message}>{n.message ?? ""}</div> },
];

export function StepLink({ node }: { node: NodeStatus }) {
  return (
    <Link from="/$namespace/workflows/$name" to="." search={(before) => ({ ...before, node: node.id })}>
      {node.displayName}
    </Link>
  );
}

export function StepList({ nodes, selected }: { nodes: Map<string, NodeStatus>; selected: string | undefined }) {
  const [search, setSearch] = useState("");
  const shown = useMemo(() => {
    const wanted = search.trim().toLowerCase();
    return [...nodes.values()].filter((n) => drawn(n) && `${n.displayName} ${word(n.phase)} ${n.message ?? ""}`.toLowerCase().includes(wanted));
  }, [nodes, search]);
  return (
    <div className="run-pad">
      <Toolbar>
        <SearchBox value={search} onChange={setSearch} label="Name, state or message" />
        <span className="dim number">{shown.length} steps</span>
      </Toolbar>
      <Table label="Steps" columns={COLUMNS} rows={shown} id={(n) => n.id} selected={(n) => n.id === selected} />
    </div>
  );
}
