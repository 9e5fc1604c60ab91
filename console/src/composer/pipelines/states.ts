/** The state of each task of a drawing, by the nodes of the run's Workflow: of what runs several times, the state that needs most looking after. Pure. */

import type { NodeStatus, Phase } from "../../api/types";
import { type Obj, ROOT, componentName, holder, tasksOf } from "../document/pipeline/ir";

type Nodes = ReadonlyMap<string, NodeStatus>;

/** A task's node has the task's key; a loop's turns are nodes between it and what it holds. */
const TURN = /^iteration\(/;
const WORST: readonly Phase[] = ["Failed", "Error", "Running", "Pending", "Succeeded", "Skipped", "Omitted"];

export function statuses(nodes: Nodes, workflow: string, trail: readonly string[], document: Obj): Map<string, NodeStatus> {
  const found = new Map<string, NodeStatus>();
  for (const each of inside(nodes, opened(nodes, workflow, trail, document))) {
    const other = found.get(each.displayName);
    found.set(each.displayName, other ? worse(other, each) : each);
  }
  return found;
}

function inside(nodes: Nodes, around: ReadonlySet<string>): NodeStatus[] {
  return [...nodes.values()].filter((each) => each.boundaryID !== undefined && around.has(each.boundaryID) && each.type !== "Retry" && each.type !== "TaskGroup");
}

/** The nodes that the opened drawing stands for: one of each turn of the loops around it. */
function opened(nodes: Nodes, workflow: string, trail: readonly string[], document: Obj): Set<string> {
  let here = new Set(nodes.has(workflow) ? [workflow] : []);
  trail.slice(1).forEach((scope, i) => {
    const around = trail[i] ?? ROOT;
    const key = tasksOf(holder(document, around)).find(([, task]) => componentName(task) === scope)?.[0];
    const holding = inside(nodes, here).filter((each) => each.displayName === key);
    here = new Set(holding.flatMap((each) => turns(nodes, each)));
  });
  return here;
}

function turns(nodes: Nodes, { id }: NodeStatus): string[] {
  const found = inside(nodes, new Set([id])).filter((each) => TURN.test(each.displayName));
  return found.length ? found.map((each) => each.id) : [id];
}

function worse(a: NodeStatus, b: NodeStatus): NodeStatus {
  const rank = ({ phase }: NodeStatus) => WORST.indexOf(phase || "Pending");
  const [worst, other] = rank(a) <= rank(b) ? [a, b] : [b, a];
  const started = [worst.startedAt, other.startedAt].filter((at) => at !== undefined).sort()[0];
  return { ...worst, ...(started ? { startedAt: started } : {}) };
}
