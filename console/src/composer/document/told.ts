/** What an object of Kubernetes says of itself, in words. */

import { obj } from "../ports/read";

export function metaTold(document: Record<string, unknown>): { kind: string; name: string } {
  const meta = obj(document.metadata);
  return { kind: String(document.kind ?? ""), name: String(meta.name ?? meta.generateName ?? "") };
}
