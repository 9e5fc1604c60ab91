/** What is no document of ours but becomes one: a composition of Acumos is translated by the server. */

import { Document } from "yaml";
import { create } from "../api/kube";
import { list, obj } from "./ports/read";

interface Translated {
  name: string;
  graph: object | null;
  workflow: object | null;
  findings: { message: string; node?: string }[];
  refused: Record<string, string>;
}

export interface Imported {
  text: string;
  /** What the reader should know about it. */
  notes: string[];
}

/** A blueprint names containers, a CDUMP node ids: nothing else has either. */
export function isAcumos(text: string): boolean {
  if (!text.trimStart().startsWith("{")) return false;
  try {
    const nodes = list(obj(JSON.parse(text)).nodes);
    return nodes.length > 0 && nodes.every((each) => "container_name" in each || "nodeId" in each);
  } catch {
    return false;
  }
}

export async function imported(text: string, namespace: string): Promise<Imported> {
  if (!isAcumos(text)) return { text, notes: [] };
  const found = await create<Translated>("/pinnace/v1/authoring/acumos", { text, namespace });
  return translated(found);
}

/** The graph first where there is one: it answers requests; the workflow does the same for a batch. */
export function translated({ name, graph, workflow, findings, refused }: Translated): Imported {
  const made = [graph, workflow].filter((each) => each !== null);
  if (made.length === 0) throw new Error(`${name} becomes no document: ${Object.values(refused).join("; ")}`);
  const reasons = [graph ? "" : refused.graph, workflow ? "" : refused.workflow].filter((each) => each !== undefined && each !== "");
  return {
    text: made.map((each) => new Document(each).toString({ lineWidth: 0 })).join("---\n"),
    notes: [...findings.map((each) => each.message), ...reasons] as string[],
  };
}
