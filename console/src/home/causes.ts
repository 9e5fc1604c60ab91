/** Why a workflow failed, what it does now and what it waits for: told from its nodes. */

import type { NodeStatus, Template, Workflow } from "../api/types";

export interface WorkflowWithNodes extends Workflow {
  status?: NonNullable<Workflow["status"]> & { nodes?: Record<string, NodeStatus> };
}

const GROUPS = new Set(["Steps", "DAG", "StepGroup", "TaskGroup", "Retry"]);
const BAD = new Set(["Failed", "Error"]);

export interface Cause {
  /** The step that failed; undefined if the workflow failed before any did. */
  node: NodeStatus | undefined;
  message: string;
}

export function nodesOf(workflow: WorkflowWithNodes): NodeStatus[] {
  return Object.values(workflow.status?.nodes ?? {});
}

/** The first step that failed for good: of several attempts the last one, none of what was retried with success. */
export function cause(workflow: WorkflowWithNodes): Cause {
  const nodes = nodesOf(workflow);
  const failed = nodes.filter((node) => BAD.has(node.phase ?? ""));
  const leaves = failed.filter((node) => !GROUPS.has(node.type)).filter((node) => counts(node, nodes));
  const first = leaves.sort(earlier)[0] ?? failed.filter((node) => node.message).sort(earlier)[0];
  return { node: first, message: first?.message || workflow.status?.message || "" };
}

/** An attempt counts if its retry failed, too, and no later attempt was made. */
function counts(node: NodeStatus, nodes: NodeStatus[]): boolean {
  const retry = nodes.find((each) => each.type === "Retry" && each.children?.includes(node.id));
  return !retry || (BAD.has(retry.phase ?? "") && retry.children?.at(-1) === node.id);
}

function earlier(a: NodeStatus, b: NodeStatus): number {
  return (a.finishedAt ?? "").localeCompare(b.finishedAt ?? "") || a.id.localeCompare(b.id);
}

/** A message that is only a number tells nobody anything: then the log's last words are better. */
export function onlyACode(message: string): boolean {
  return message === "" || /^(?:[\w-]+: )?Error \(exit code \d+\)$/.test(message.trim());
}

/** What a program said last before it died. */
export function lastWords(log: string): string {
  return log.split("\n").map((line) => line.trim()).filter(Boolean).at(-1) ?? "";
}

/** Steps that a person must let through; one with a duration goes on by itself. */
export function waiting(workflow: WorkflowWithNodes): NodeStatus[] {
  const templates = templatesOf(workflow);
  return nodesOf(workflow).filter(
    (node) => node.type === "Suspend" && node.phase === "Running" && !timed(templates.get(node.templateName ?? "")),
  );
}

function templatesOf(workflow: Workflow): Map<string, Template> {
  const all = [...(workflow.status?.storedWorkflowTemplateSpec?.templates ?? []), ...(workflow.spec.templates ?? [])];
  return new Map(all.map((template) => [template.name, template]));
}

function timed(template: Template | undefined): boolean {
  const suspend = template?.suspend as { duration?: unknown } | undefined;
  return suspend?.duration !== undefined && suspend.duration !== null;
}

/** The steps at work, and why one that should be does not begin. */
export function doing(workflow: WorkflowWithNodes): { steps: string[]; stuck: string } {
  const own = nodesOf(workflow).filter((node) => !GROUPS.has(node.type) && node.type !== "Suspend");
  const running = own.filter((node) => node.phase === "Running").map((node) => node.displayName);
  const held = own.find((node) => (!node.phase || node.phase === "Pending") && node.message);
  return { steps: running, stuck: running.length === 0 && held ? `${held.displayName}: ${held.message}` : "" };
}
