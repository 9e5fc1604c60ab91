/** Where a workflow's texts speak of other steps: `{{tasks.a.outputs.artifacts.x}}` and its kin. */

import type { PortKind } from "../../model";

export interface Reference {
  node: string;
  /** `result` of a script is a parameter of this name. */
  port: string;
  kind: PortKind;
}

const NAME = "[A-Za-z0-9_][\\w-]*";
const SPOKEN = new RegExp(
  `\\b(?:tasks|steps)(?:\\.(${NAME})|\\[['"](${NAME})['"]\\])\\.outputs\\.(?:(artifacts|parameters)(?:\\.(${NAME})|\\[['"](${NAME})['"]\\])|(result))`,
  "g",
);

export function references(text: string): Reference[] {
  return [...text.matchAll(SPOKEN)].map(([, dotted, quoted, side, port, portQuoted]) => ({
    node: dotted ?? quoted ?? "",
    port: port ?? portQuoted ?? "result",
    kind: side === "artifacts" ? "artifact" : "parameter",
  }));
}

/** References in any value, however deep. */
export function within(value: unknown): Reference[] {
  if (typeof value === "string") return references(value);
  if (Array.isArray(value)) return value.flatMap(within);
  return value && typeof value === "object" ? Object.values(value).flatMap(within) : [];
}

/** The text with steps named anew. */
export function rewritten(text: string, names: ReadonlyMap<string, string>): string {
  const dotted = new RegExp(`\\b(tasks|steps)\\.(${NAME})(?=\\.)`, "g");
  const quoted = new RegExp(`\\b(tasks|steps)\\[(['"])(${NAME})\\2\\]`, "g");
  return text
    .replace(dotted, (all, kind: string, name: string) => (names.has(name) ? `${kind}.${names.get(name)}` : all))
    .replace(quoted, (all, kind: string, quote: string, name: string) =>
      names.has(name) ? `${kind}[${quote}${names.get(name)}${quote}]` : all,
    );
}

export function reference(side: "tasks" | "steps", { node, port, kind }: Reference): string {
  if (kind === "artifact") return `{{${side}.${node}.outputs.artifacts.${port}}}`;
  return port === "result" ? `{{${side}.${node}.outputs.result}}` : `{{${side}.${node}.outputs.parameters.${port}}}`;
}
