/** The Kubernetes API over fetch and WebSockets: the session cookie signs every call, a refusal keeps the server's words. */

import { context, hint } from "./context";
import type { KubeList, KubeObject } from "./types";

export interface Cause {
  field?: string;
  message?: string;
  reason?: string;
}

export class KubeError extends Error {
  constructor(
    readonly code: number,
    readonly reason: string,
    message: string,
    readonly causes: Cause[] = [],
  ) {
    super(message);
  }

  /** Whatever was thrown, as something that can be shown. */
  static of(problem: unknown): KubeError {
    return problem instanceof KubeError ? problem : new KubeError(0, "", problem instanceof Error ? problem.message : String(problem));
  }
}

export const UNREACHABLE = `${context ? "The console" : "The platform"} does not answer. Is it up? Try: ${hint}`;

export async function request(path: string, init: RequestInit = {}): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, { ...init, credentials: "same-origin" });
  } catch (problem) {
    if (init.signal?.aborted) throw problem;
    throw new KubeError(0, "Unreachable", UNREACHABLE);
  }
  if (!response.ok) throw await refusal(response);
  return response;
}

/** Kubernetes' Status, Argo's `{code, message}` and Pipelines' `{error}` all say why. */
async function refusal(response: Response): Promise<KubeError> {
  const text = await response.text();
  try {
    const said = JSON.parse(text) as {
      reason?: string;
      message?: string;
      error?: string;
      error_message?: string;
      details?: { causes?: Cause[] } | unknown[];
    };
    const details = said.details;
    const causes = details && !Array.isArray(details) ? (details.causes ?? []) : [];
    const message = said.message ?? said.error_message ?? said.error ?? text;
    return new KubeError(response.status, said.reason ?? "", message, causes);
  } catch {
    return new KubeError(response.status, "", text || response.statusText);
  }
}

export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  const response = await request(path, { headers: { Accept: "application/json" }, signal: signal ?? null });
  return (await response.json()) as T;
}

async function send<T>(method: string, path: string, body: unknown, type = "application/json"): Promise<T> {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const answer = await request(path, { method, headers: { "Content-Type": type, Accept: "application/json" }, body: text });
  return (await answer.json()) as T;
}

export const create = <T>(path: string, body: unknown): Promise<T> => send("POST", path, body);
export const replace = <T>(path: string, body: unknown): Promise<T> => send("PUT", path, body);
export const mergePatch = <T>(path: string, body: unknown): Promise<T> =>
  send("PATCH", path, body, "application/merge-patch+json");
/** Server-side apply of YAML or JSON; `force` takes fields over from other managers. */
export const apply = <T>(path: string, body: unknown, force = false): Promise<T> =>
  send("PATCH", `${path}?fieldManager=pinnace-console${force ? "&force=true" : ""}`, body, "application/apply-patch+yaml");

export async function remove(path: string): Promise<void> {
  await request(path, { method: "DELETE" });
}

export interface WatchEvent<T> {
  type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
  object: T;
}

/**
 * Every event of a watch from `resourceVersion` on, over a WebSocket: a browser opens six plain connections to a
 * host at most. Ends when the server ends it or the signal aborts; throws if it was never opened or broke.
 */
export async function* watch<T extends KubeObject>(
  path: string,
  resourceVersion: string,
  signal: AbortSignal,
): AsyncGenerator<WatchEvent<T>> {
  const separator = path.includes("?") ? "&" : "?";
  const query = `watch=1&allowWatchBookmarks=true&resourceVersion=${resourceVersion}`;
  for await (const frame of frames(`${path}${separator}${query}`, signal)) yield JSON.parse(String(frame)) as WatchEvent<T>;
}

/** Why a socket that was never opened was not, nobody tells a page. */
export const NEVER_OPENED = "NeverOpened";

/** What comes over a WebSocket at `path` until the other side ends it; throws if it breaks, or never was opened. */
export async function* frames(path: string, signal: AbortSignal): AsyncGenerator<string | ArrayBuffer> {
  const url = new URL(path, window.location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  const socket = new WebSocket(url.href);
  socket.binaryType = "arraybuffer";
  const waiting: (string | ArrayBuffer)[] = [];
  const state: { opened: boolean; ended: "no" | "well" | "badly" } = { opened: false, ended: "no" };
  let wake = () => {};
  socket.onopen = () => {
    state.opened = true;
  };
  socket.onmessage = (event: MessageEvent<string | ArrayBuffer>) => {
    waiting.push(event.data);
    wake();
  };
  socket.onclose = (event) => {
    state.ended = event.code === 1000 || event.code === 1001 ? "well" : "badly";
    wake();
  };
  const stop = () => socket.close();
  signal.addEventListener("abort", stop);
  try {
    while (!signal.aborted) {
      const next = waiting.shift();
      if (next !== undefined) yield next;
      else if (state.ended === "well") return;
      else if (state.ended === "badly") throw new KubeError(0, state.opened ? "Unreachable" : NEVER_OPENED, UNREACHABLE);
      else await new Promise<void>((done) => (wake = done));
    }
  } finally {
    signal.removeEventListener("abort", stop);
    stop();
  }
}

/** The lines of a streamed body as they arrive, without empty ones. */
export async function* lines(response: Response): AsyncGenerator<string> {
  if (!response.body) return;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    const parts = (rest + value).split("\n");
    rest = parts.pop() ?? "";
    for (const part of parts) if (part) yield part;
  }
  if (rest) yield rest;
}

export type Listed<T> = KubeList<T>;
