/** A request that a graph was asked, and the way that it took: which steps, what each was given, said, and how long it took. */

import { KubeError, create } from "../api/kube";
import { ask, through } from "./asking";
import type { Json } from "./predict";

export type Message = { text: string } | { base64: string };

export interface Taken {
  node: string;
  index: number;
  /** Milliseconds since the request came. */
  began: number;
  took: number;
  /** 0: no answer, for the reason in `failure`. */
  status: number;
  failure: string;
  request: Message;
  requestSize: number;
  answer: Message;
  answerSize: number;
}

export interface Walked {
  status: number;
  contentType: string;
  took: number;
  body: Message;
  steps: Taken[];
}

/**
 * `body` is sent as it is written. Where nobody tells the way, as on a real cluster, the answer comes without it.
 * KubeError: the graph is not there or not served, or one may not be told.
 */
export async function walk(namespace: string, name: string, body: string): Promise<Walked> {
  const place = `/pinnace/v1/namespaces/${encodeURIComponent(namespace)}/inferencegraphs/${encodeURIComponent(name)}`;
  try {
    return await create<Walked>(`${place}/walk`, body);
  } catch (problem) {
    if (KubeError.of(problem).code !== 404) throw problem;
    const { status, text, took } = await ask(through(namespace, name, "/"), JSON.parse(body) as Json);
    return { status, contentType: "application/json", took, body: { text }, steps: [] };
  }
}

export function isGood({ status }: Pick<Taken, "status">): boolean {
  return status >= 200 && status < 300;
}

/** As a person reads it: JSON on several lines, bytes by their number. */
export function legible(message: Message, size?: number): string {
  if ("base64" in message) return `${size ?? Math.floor((message.base64.length * 3) / 4)} bytes`;
  try {
    return JSON.stringify(JSON.parse(message.text), null, 2);
  } catch {
    return message.text;
  }
}

/** One line of how a step went. */
export function told(taken: Taken): string {
  const said = taken.status ? String(taken.status) : "no answer";
  return `${said} · ${duration(taken.took)}`;
}

export function duration(milliseconds: number): string {
  return milliseconds < 10 ? `${milliseconds.toFixed(1)} ms` : milliseconds < 10_000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1000).toFixed(1)} s`;
}

export interface Way {
  router: string;
  taken: number | null;
  steps: { index: number; condition: string; met: boolean; problem: string }[];
}

/** Which way a message would take through a drawn graph; nothing is asked of its services. */
export async function ways(document: object, message: string): Promise<Record<string, Way>> {
  const { nodes } = await create<{ nodes: Record<string, Way> }>("/pinnace/v1/authoring/ways", { document, message });
  return nodes;
}
