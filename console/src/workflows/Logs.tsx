import { useEffect, useRef, useState } from "react";
import { KubeError, lines, request } from "../api/kube";
import * as paths from "../api/paths";
import type { NodeStatus, Workflow } from "../api/types";
import { Problem } from "../ui/notes";

const KEPT = 5000;
const FRAME = 60;

/** The log of a step's main container, followed live while it runs. */
export function Logs({ workflow, node }: { workflow: Workflow; node: NodeStatus }) {
  const namespace = workflow.metadata.namespace ?? "default";
  const started = Boolean(node.phase && node.phase !== "Pending");
  const { text, error, done } = useLog(
    started ? paths.log(namespace, paths.podName(workflow.metadata.name, node), "main") : null,
  );
  const end = useRef<HTMLPreElement>(null);
  useEffect(() => {
    end.current?.scrollTo({ top: end.current.scrollHeight });
  }, [text]);
  if (!started) return <p className="dim">The step has not started yet.</p>;
  if (error) return <Problem error={error} />;
  return (
    <pre ref={end} className="log" tabIndex={0} aria-label="Log">
      {text || <span className="dim">{done ? "The step printed nothing." : "waiting for the first line …"}</span>}
    </pre>
  );
}

function useLog(path: string | null): { text: string; error: KubeError | null; done: boolean } {
  const [state, setState] = useState({ text: "", error: null as KubeError | null, done: false });
  useEffect(() => {
    setState({ text: "", error: null, done: false });
    if (path === null) return;
    const control = new AbortController();
    void pump(path, control.signal, setState);
    return () => control.abort();
  }, [path]);
  return state;
}

async function pump(
  path: string,
  signal: AbortSignal,
  publish: (state: { text: string; error: KubeError | null; done: boolean }) => void,
): Promise<void> {
  const kept: string[] = [];
  let shown = 0;
  const show = (done: boolean) => publish({ text: kept.join("\n"), error: null, done });
  try {
    for await (const line of lines(await request(path, { signal }))) {
      kept.push(line);
      if (kept.length > KEPT) kept.splice(0, kept.length - KEPT);
      if (performance.now() - shown > FRAME) {
        shown = performance.now();
        show(false);
      }
    }
    if (!signal.aborted) show(true);
  } catch (problem) {
    if (signal.aborted) return;
    publish({ text: "", error: problem instanceof KubeError ? problem : new KubeError(0, "", String(problem)), done: true });
  }
}
