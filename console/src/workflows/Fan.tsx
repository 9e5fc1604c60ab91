/** A loop so wide that its steps share one box: here they are one by one. */

import { useMemo } from "react";
import type { NodeStatus } from "../api/types";
import { Mark, word } from "../ui/Mark";
import { type Column, Table } from "../ui/Table";
import { Duration } from "../ui/time";
import { StepLink } from "./StepList";
import { failed } from "./story";

const COLUMNS: Column<NodeStatus>[] = [
  { title: "Step", cell: (n) => <StepLink node={n} />, by: (n) => n.displayName },
  { title: "State", cell: (n) => <Mark phase={n.phase} />, by: (n) => word(n.phase) },
  { title: "Took", cell: (n) => <Duration from={n.startedAt} to={n.finishedAt} />, number: true },
];

export function Fan({ id, members }: { id: string; members: NodeStatus[] }) {
  const ranked = useMemo(() => members.toSorted((a, b) => Number(failed(b)) - Number(failed(a))), [members]);
  const name = id.split("/").pop() ?? id;
  if (!members.length) return <aside className="panel" aria-label="No such step"><p className="dim">The run has no such step yet.</p></aside>;
  return (
    <aside className="panel" aria-label={`Steps of ${name}`}>
      <h2>{name}</h2>
      <p className="dim number">{members.length} steps, those that failed first</p>
      <Table label={`Steps of ${name}`} columns={COLUMNS} rows={ranked} id={(n) => n.id} />
    </aside>
  );
}
