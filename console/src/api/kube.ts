/** The Kubernetes API over fetch: the session cookie signs every call, and a refusal keeps the server's own words. */

import type { KubeList, KubeObject } from "./types";

export class KubeError extends Error {
  constructor(
    readonly code: number,
    readonly reason: string,
    message: string,
  ) {
    super(message);
  }
}

export async function request(path: string, init: RequestInit = {}): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, { ...init, credentials: "same-origin" });
  } catch {
    throw new KubeError(0, "Unreachable", "The platform does not answer. Is it up? Try: pinnace status");
  }
  if (!response.ok) throw await refusal(response);
  return response;
}

async function refusal(response: Response): Promise<KubeError> {
  const text = await response.text();
  try {
    const status = JSON.parse(text) as { reason?: string; message?: string };
    return new KubeError(response.status, status.reason ?? "", status.message ?? text);
  } catch {
    return new KubeError(response.status, "", text || response.statusText);
  }
}

export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  const response = await request(path, { headers: { Accept: "application/json" }, signal: signal ?? null });
  return (await response.json()) as T;
}

export async function mergePatch(path: string, body: unknown): Promise<void> {
  await request(path, {
    method: "PATCH",
    headers: { "Content-Type": "application/merge-patch+json" },
    body: JSON.stringify(body),
  });
}

export interface WatchEvent<T> {
  type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
  object: T;
}

/** Every event of a watch from `resourceVersion` on; ends when the server ends it or the signal aborts. */
export async function* watch<T extends KubeObject>(
  path: string,
  resourceVersion: string,
  signal: AbortSignal,
): AsyncGenerator<WatchEvent<T>> {
  const separator = path.includes("?") ? "&" : "?";
  const query = `watch=1&allowWatchBookmarks=true&resourceVersion=${resourceVersion}`;
  const response = await request(`${path}${separator}${query}`, { signal });
  for await (const line of lines(response)) yield JSON.parse(line) as WatchEvent<T>;
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
