/** Text that somebody writes, as a document with findings at their places. */

import { LineCounter, type Node, isNode, parseDocument } from "yaml";
import type { KubeError } from "../api/kube";
import type { Finding } from "../ui/CodeMirror";

export interface Draft {
  /** null: no YAML, or not a mapping. */
  document: object | null;
  findings: Finding[];
  /** A server has judged it. */
  checked: boolean;
}

export function read(text: string, refused?: KubeError, judged = refused !== undefined): Draft {
  const parsed = parseDocument(text, { lineCounter: new LineCounter() });
  const wrong = parsed.errors.map((e): Finding => ({ from: e.pos[0], to: e.pos[1], severity: "error", message: e.message.split("\n")[0] ?? "" }));
  if (wrong.length) return { document: null, findings: wrong, checked: true };
  const value: unknown = parsed.toJS();
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return { document: null, findings: [{ from: 0, to: text.length, severity: "error", message: "expected one document: apiVersion, kind, metadata, spec" }], checked: true };
  if (!refused) return { document: value, findings: [], checked: judged };
  const find = (path: string): [number, number] => {
    const node = parsed.getIn(steps(path), true) as Node | undefined;
    const range = isNode(node) ? node.range : null;
    return range ? [range[0], range[1]] : [0, Math.min(text.length, text.indexOf("\n") + 1)];
  };
  const causes = refused.causes.filter((c) => c.field);
  const told = causes.length
    ? causes.map((c) => ({ path: c.field ?? "", message: `${c.field}: ${c.message ?? ""}` }))
    : [{ path: PATH.exec(refused.message)?.[0] ?? "", message: refused.message }];
  return {
    document: value,
    checked: true,
    findings: told.map(({ path, message }): Finding => {
      const [from, to] = find(path);
      return { from, to: Math.max(from, to), severity: "error", message };
    }),
  };
}

const PATH = /\b(?:spec|metadata)(?:\.\w+|\[\d+\])+/;

/** `spec.templates[2].dag` → what the YAML library takes. */
export function steps(path: string): (string | number)[] {
  return path.split(/[.[\]]+/).filter(Boolean).map((part) => (/^\d+$/.test(part) ? Number(part) : part));
}
