import { useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useNamespace } from "../app/namespace";
import { Mark } from "../ui/Mark";
import { Menu } from "../ui/Menu";
import { type Column, Table } from "../ui/Table";
import { Empty } from "../ui/notes";
import { Ago, span, useNow } from "../ui/time";
import { attempt } from "../ui/toasts";
import { Refusal } from "./Refusal";
import { type Recurring, drop, post, useRecurring } from "./kfp";
import { next, told } from "./when";

export function RecurringRuns({ experiment }: { experiment?: string }) {
  const namespace = useNamespace();
  const { items, error } = useRecurring({ namespace, experiment });
  const columns: Column<Recurring>[] = [
    {
      title: "Recurring run",
      cell: (r) => (
        <Link to="/$namespace/pipelines/recurring/$id" params={{ namespace, id: r.recurring_run_id }}>
          {r.display_name}
        </Link>
      ),
      by: (r) => r.display_name,
    },
    { title: "State", cell: (r) => <OnOff recurring={r} />, by: (r) => r.status },
    { title: "Trigger", cell: (r) => <span className={r.trigger?.cron_schedule ? "mono" : ""}>{told(r)}</span> },
    { title: "Next", cell: (r) => <Next recurring={r} /> },
    { title: "At once", number: true, cell: (r) => r.max_concurrency },
    { title: "Created", cell: (r) => <Ago at={r.created_at} />, by: (r) => r.created_at },
    { title: "Actions", quiet: true, width: "44px", cell: (r) => <RecurringMenu recurring={r} /> },
  ];
  if (error) return <Refusal error={error} />;
  if (items && !items.length)
    return (
      <Empty title="Nothing recurs">
        <Link to="/$namespace/pipelines/new" params={{ namespace }} search={{ again: true, ...(experiment ? { experiment } : {}) }}>
          Make a run recurring
        </Link>
        : by cron, or every so many minutes, hours, days.
      </Empty>
    );
  return items?.length ? <Table label="Recurring runs" columns={columns} rows={items} id={(r) => r.recurring_run_id} /> : null;
}

export function OnOff({ recurring: { status } }: { recurring: Recurring }) {
  return <Mark phase={status === "ENABLED" ? "Enabled" : "Disabled"} tone={status === "ENABLED" ? "good" : "quiet"} />;
}

export function Next({ recurring: { status, trigger } }: { recurring: Recurring }) {
  const now = useNow(true);
  if (status !== "ENABLED" || !trigger) return <span className="dim">–</span>;
  const at = next(trigger, 1, new Date(now))[0];
  if (!at) return <span className="dim">never again</span>;
  return (
    <time dateTime={at.toISOString()} title={at.toLocaleString()} className="number">
      in {span(Math.max(0, (at.getTime() - now) / 1000))}
    </time>
  );
}

export function useSteering(recurring: Recurring) {
  const client = useQueryClient();
  const { recurring_run_id, display_name, status } = recurring;
  const path = `/recurringruns/${recurring_run_id}`;
  const on = status === "ENABLED";
  const again = () => client.invalidateQueries({ queryKey: ["kfp"] });
  return {
    on,
    turn: () => attempt(post(`${path}:${on ? "disable" : "enable"}`), `${display_name} is ${on ? "disabled" : "enabled"}`).finally(() => void again()),
    remove: () => attempt(drop(path), `${display_name} is deleted`).finally(() => void again()),
  };
}

function RecurringMenu({ recurring }: { recurring: Recurring }) {
  const { on, turn, remove } = useSteering(recurring);
  return (
    <Menu
      label={`Actions on ${recurring.display_name}`}
      items={[
        { label: on ? "Disable" : "Enable", onSelect: () => void turn() },
        { label: "Delete", danger: true, onSelect: () => void remove() },
      ]}
    />
  );
}
