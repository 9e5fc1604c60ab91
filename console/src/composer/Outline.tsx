/** The drawing as a list, in the order in which it runs: for screen readers, and for who thinks in lists. The same actions. */

import { Link2, Maximize2, Plus, Trash2 } from "lucide-react";
import type { NodeStatus } from "../api/types";
import { Button, IconButton } from "../ui/Button";
import { Mark } from "../ui/Mark";
import { Picture } from "./icons";
import { type Finding, type Graph, type GraphNode, ordered } from "./model";
import { useStudioHere } from "./studio";

interface Props {
  statuses: ReadonlyMap<string, NodeStatus>;
  findings: ReadonlyMap<string, Finding[]>;
  onAdd: () => void;
  onConnect: (id: string) => void;
  onRemove: (id: string) => void;
}

export function Outline({ statuses, findings, onAdd, onConnect, onRemove }: Props) {
  const { graph, selection, select, open } = useStudioHere();
  return (
    <div className="outline">
      <ol aria-label="Steps in the order in which they run">
        {ordered(graph).map((step) => {
          const status = statuses.get(step.id);
          const chosen = selection.nodes.has(step.id);
          return (
            <li key={step.id} className={chosen ? "outline-step outline-chosen" : "outline-step"}>
              <button type="button" className="outline-name" aria-pressed={chosen} onClick={() => select([step.id])}>
                {status ? <Mark phase={status.phase} label={false} /> : <Picture name={step.icon} />}
                <span className="step-text">
                  <span className="step-title">{step.title}</span>
                  <span className="step-detail">{told(graph, step, findings.get(step.id)?.length ?? 0)}</span>
                </span>
              </button>
              <span className="outline-acts">
                {step.opens ? <IconButton label={`Open ${step.opens}`} Icon={Maximize2} onClick={() => open(step.opens ?? "")} /> : null}
                <IconButton label={`Connect ${step.id}`} Icon={Link2} onClick={() => onConnect(step.id)} />
                <IconButton label={`Delete ${step.id}`} Icon={Trash2} onClick={() => onRemove(step.id)} />
              </span>
            </li>
          );
        })}
      </ol>
      <Button Icon={Plus} onClick={onAdd}>
        Add a step
      </Button>
    </div>
  );
}

/** A node in one sentence. */
export function told(graph: Graph, { id, detail, badges }: GraphNode, faults: number): string {
  const coming = graph.edges.filter((each) => each.to.node === id);
  const gets = coming.filter(({ from }) => from.port).map(({ from, to, label }) => [`${from.port} of ${from.node}`, to.port && to.port !== from.port ? ` as ${to.port}` : "", label ? ` (${label})` : ""].join(""));
  const after = coming.filter(({ from }) => !from.port).map(({ from, label }) => `${from.node}${label ? ` ${label}` : ""}`);
  const parts = [detail, gets.length ? `gets ${gets.join(", ")}` : "", after.length ? `after ${after.join(", ")}` : "", ...badges.map((each) => each.text), faults ? `${faults} to mend` : ""];
  return parts.filter(Boolean).join(" · ");
}
