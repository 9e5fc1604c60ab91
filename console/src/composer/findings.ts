/** What is wrong with a document: asked of the server while one draws, a moment after the last change. */

import { useEffect, useMemo, useState } from "react";
import { create } from "../api/kube";
import { given } from "./document/workflow/read";
import { calls, template } from "./document/workflow/shape";
import { pointer, range } from "./document/yaml";
import type { Finding, Graph } from "./model";
import { fault } from "./forms/faults";
import type { Studio } from "./studio";
import type { Finding as Marked } from "../ui/CodeMirror";

const PAUSE = 350;

/** The server's; empty where there is no such server (a real cluster). */
export function useJudged(document: Record<string, unknown>, namespace: string): { findings: Finding[]; answered: boolean } {
  const [found, setFound] = useState<{ findings: Finding[]; answered: boolean }>({ findings: [], answered: false });
  useEffect(() => {
    let current = true;
    // The IR of a pipeline is compiled, not written: there is nothing to mend in it here.
    if (document.kind === undefined) {
      setFound({ findings: [], answered: true });
      return;
    }
    const timer = setTimeout(() => {
      create<{ findings: Finding[] }>("/pinnace/v1/authoring/validate", { document, namespace })
        .then((answer) => current && setFound({ findings: answer.findings, answered: true }))
        .catch(() => current && setFound({ findings: [], answered: false }));
    }, PAUSE);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [document, namespace]);
  return found;
}

/** What can be told without asking: a port that needs something and gets nothing, a value that cannot be. */
export function quick(graph: Graph, value: (node: string, port: string) => string): Finding[] {
  return graph.nodes.filter((node) => node.path.includes("dag") || node.path.includes("steps")).flatMap((node) =>
    node.ports.inputs.flatMap((port): Finding[] => {
      const text = value(node.id, port.name);
      const path = `/${node.path.join("/")}`;
      const wrong = fault(port, text);
      if (wrong) return [{ path, message: `${node.id}: ${port.name}: ${wrong}`, severity: "error" }];
      return port.required && !text ? [{ path, message: `${node.id}: ${port.name} is needed and nothing is given`, severity: "error" }] : [];
    }),
  );
}

/** The server's words where it has answered, else what can be told here. */
export function useFindings({ document, graph, scope }: Studio, namespace: string): { findings: Finding[]; faulty: Map<string, Finding[]> } {
  const { findings: judged, answered } = useJudged(document, namespace);
  const found = useMemo(() => (answered ? judged : quick(graph, valuesOf(document, scope))), [answered, judged, graph, document, scope]);
  const faulty = useMemo(() => byNode(graph, found), [graph, found]);
  return { findings: found, faulty };
}

function valuesOf(document: Record<string, unknown>, scope: string): (node: string, port: string) => string {
  const found = template(document, scope);
  const all = new Map((found ? calls(found) : []).map((call) => [call.name, given(call.raw)]));
  return (node, port) => all.get(node)?.get(port) ?? "";
}

/** Findings by the node that they are about. */
export function byNode(graph: Graph, findings: readonly Finding[]): Map<string, Finding[]> {
  const found = new Map<string, Finding[]>();
  for (const each of findings) {
    const path = pointer(each.path);
    const node = graph.nodes.find((one) => one.path.length <= path.length && one.path.every((part, i) => part === path[i]));
    if (node) found.set(node.id, [...(found.get(node.id) ?? []), each]);
  }
  return found;
}

/** Findings as the text editor marks them. */
export function marked({ source, trouble }: Pick<Studio, "source" | "trouble">, findings: readonly Finding[]): Marked[] {
  if (trouble) return [{ ...trouble, severity: "error" }];
  if (!source) return [];
  return findings.flatMap((each) => {
    const at = range(source, pointer(each.path));
    return at ? [{ ...at, to: Math.min(at.to, at.from + 200), severity: each.severity, message: each.message }] : [];
  });
}
