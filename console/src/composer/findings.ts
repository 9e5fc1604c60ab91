/** What is wrong with a document: asked of the server while one draws, a moment after the last change. */

import { useEffect, useMemo, useState } from "react";
import { create } from "../api/kube";
import { pointer, range } from "./document/yaml";
import { type Finding, type Graph, holding } from "./model";
import { fault } from "./forms/faults";
import type { Studio } from "./studio";
import type { Finding as Marked } from "../ui/CodeMirror";

/** Milliseconds without a change: with the server's answer it is told within 300. */
const PAUSE = 150;

/** The server's; empty where there is no such server (a real cluster). */
export function useJudged(document: Record<string, unknown>, judged: boolean, namespace: string): { findings: Finding[]; answered: boolean } {
  const [found, setFound] = useState<{ findings: Finding[]; answered: boolean }>({ findings: [], answered: false });
  useEffect(() => {
    let current = true;
    if (!judged) {
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
  }, [document, judged, namespace]);
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
export function useFindings({ document, graph, scope, language }: Studio, namespace: string): { findings: Finding[]; faulty: Map<string, Finding[]> } {
  const { findings: judged, answered } = useJudged(document, language?.judged ?? document.kind !== undefined, namespace);
  const found = useMemo(() => {
    if (language?.check) return language.check(document);
    return answered ? judged : quick(graph, language?.value(document, scope) ?? NOTHING);
  }, [answered, judged, graph, document, scope, language]);
  const faulty = useMemo(() => byNode(graph, found), [graph, found]);
  return { findings: found, faulty };
}

const NOTHING = () => "";

/** Findings by the node that they are about. */
export function byNode(graph: Graph, findings: readonly Finding[]): Map<string, Finding[]> {
  const found = new Map<string, Finding[]>();
  for (const each of findings) {
    const node = holding(graph, pointer(each.path));
    if (node) found.set(node.id, [...(found.get(node.id) ?? []), each]);
  }
  return found;
}

/** The drawing and the node in it that a finding is about: this drawing before others. */
export function located({ graph, scope, scopes, language, document, library }: Studio, finding: Finding): { scope: string; node: string } | undefined {
  const path = pointer(finding.path);
  const here = holding(graph, path);
  if (here) return { scope, node: here.id };
  for (const { name } of scopes) {
    const there = language && holding(language.read(document, name, library), path);
    if (there) return { scope: name, node: there.id };
  }
  return undefined;
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
