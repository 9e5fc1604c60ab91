/** Which runs a list shows: the filters as the URL holds them, and the question whether a run fits. */

import type { Workflow } from "../api/types";
import { word } from "../ui/Mark";

export const STATES = ["All", "Running", "Succeeded", "Failed"] as const;
export type State = (typeof STATES)[number];

export const TIMES = { "": "any time", "1h": "the last hour", "24h": "the last day", "7d": "the last week" } as const;
export type Time = keyof typeof TIMES;

const MILLISECONDS: Record<Time, number> = { "": Number.POSITIVE_INFINITY, "1h": 3_600_000, "24h": 86_400_000, "7d": 604_800_000 };

export interface Query {
  /** Words, each in the name, a label or a parameter. */
  q?: string;
  state?: State;
  template?: string;
  time?: Time;
  /** Runs that are gone, out of the archive. */
  archive?: true;
}

export function readQuery(search: Record<string, unknown>): Query {
  const { q, state, template, time, archive } = search;
  return {
    ...(q !== undefined && q !== "" ? { q: String(q) } : {}),
    ...(STATES.includes(state as State) && state !== "All" ? { state: state as State } : {}),
    ...(typeof template === "string" && template ? { template } : {}),
    ...(typeof time === "string" && time && time in TIMES ? { time: time as Time } : {}),
    ...(archive ? { archive: true as const } : {}),
  };
}

/** The template of which a run was made, "" for one with templates of its own. */
export function templateOf(workflow: Workflow): string {
  return workflow.spec?.workflowTemplateRef?.name ?? workflow.metadata.labels?.["workflows.argoproj.io/workflow-template"] ?? "";
}

export function fits(workflow: Workflow, query: Query, now: number): boolean {
  const { state, template, time = "", q = "" } = query;
  if (state && !inState(workflow, state)) return false;
  if (template && templateOf(workflow) !== template) return false;
  if (now - Date.parse(workflow.metadata.creationTimestamp) > MILLISECONDS[time]) return false;
  const words = q.toLowerCase().split(/\s+/).filter(Boolean);
  return words.every((wanted) => haystack(workflow).some((text) => text.includes(wanted)));
}

function inState(workflow: Workflow, state: State): boolean {
  const now = word(workflow.status?.phase);
  if (state === "Running") return now === "Running" || now === "Pending";
  return state === "All" || now === state || (state === "Failed" && now === "Error");
}

/** `name`, `key=value` of labels and parameters. */
function haystack(workflow: Workflow): string[] {
  const { name, labels = {} } = workflow.metadata;
  const given = workflow.spec?.arguments?.parameters ?? [];
  return [
    name,
    ...Object.entries(labels).map(([key, value]) => `${key}=${value}`),
    ...given.map((p) => `${p.name}=${String(p.value ?? "")}`),
  ].map((text) => text.toLowerCase());
}
