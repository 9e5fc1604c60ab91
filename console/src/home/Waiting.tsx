/** Steps that wait for a person's yes: it can be said right here. */

import { Link } from "@tanstack/react-router";
import { useState } from "react";
import type { NodeStatus } from "../api/types";
import { Button } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import { Mark } from "../ui/Mark";
import { Ago } from "../ui/time";
import { Approve } from "../workflows/Approve";
import { Panel } from "./Panel";
import type { WorkflowWithNodes } from "./causes";

export interface Asked {
  workflow: WorkflowWithNodes;
  node: NodeStatus;
}

export function Waiting({ asked }: { asked: Asked[] }) {
  const [open, setOpen] = useState<string | null>(null);
  const chosen = asked.find((each) => key(each) === open);
  if (asked.length === 0) return null;
  return (
    <Panel title="Waits for you" tone="ask">
      <ul className="news">
        {asked.map((each) => (
          <Row key={key(each)} asked={each} onApprove={() => setOpen(key(each))} />
        ))}
      </ul>
      {chosen ? (
        <Dialog title={`${chosen.workflow.metadata.name}: ${chosen.node.displayName}`} onClose={() => setOpen(null)}>
          <Approve workflow={chosen.workflow} node={chosen.node} />
        </Dialog>
      ) : null}
    </Panel>
  );
}

function key({ workflow, node }: Asked): string {
  return `${workflow.metadata.uid} ${node.id}`;
}

function Row({ asked: { workflow, node }, onApprove }: { asked: Asked; onApprove: () => void }) {
  const { name, namespace = "" } = workflow.metadata;
  const supplied = new Set((node.outputs?.parameters ?? []).filter((p) => p.valueFrom?.supplied).map((p) => p.name));
  const shown = (node.inputs?.parameters ?? []).filter((p) => !supplied.has(p.name) && p.value !== undefined);
  return (
    <li className="news-row">
      <Mark phase="Waiting" label={false} />
      <div className="news-body">
        <div className="news-head">
          <Link to="/$namespace/workflows/$name" params={{ namespace, name }} search={{ node: node.id }}>
            {name}
          </Link>
          <span className="dim">{node.displayName}</span>
        </div>
        <div className="news-words">
          {shown.map((p) => (
            <span key={p.name}>
              <span className="dim">{p.name}</span> {String(p.value)}
            </span>
          ))}
          {node.startedAt ? (
            <span className="dim">
              asked <Ago at={node.startedAt} />
            </span>
          ) : null}
        </div>
      </div>
      <Button look="primary" onClick={onApprove} aria-label={`Approve ${node.displayName} of ${name}`}>
        Approve
      </Button>
    </li>
  );
}
