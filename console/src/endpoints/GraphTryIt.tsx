/** A graph takes what its first service takes: JSON, as the reader writes it. The answer comes with its way. */

import { Send } from "lucide-react";
import { useState } from "react";
import { KubeError } from "../api/kube";
import { Button } from "../ui/Button";
import { Command } from "../ui/Copy";
import { TextArea } from "../ui/Fields";
import { Problem } from "../ui/notes";
import { Way } from "./Way";
import type { InferenceGraph } from "./kinds";
import { Refused, curl, typed } from "./predict";
import { type Taken, type Walked, walk } from "./walks";

export function GraphTryIt({ graph }: { graph: InferenceGraph }) {
  const { name, namespace = "" } = graph.metadata;
  const url = graph.status?.url ?? "";
  const [text, setText] = useState('{"instances": [[1, 2, 3, 4]]}');
  const [refused, setRefused] = useState("");
  const [answer, setAnswer] = useState<Walked | KubeError | null>(null);

  async function send() {
    setRefused("");
    try {
      typed("body", text);
      setAnswer(await walk(namespace, name, text).catch(KubeError.of));
    } catch (problem) {
      if (!(problem instanceof Refused)) throw problem;
      setRefused(problem.message);
    }
  }

  if (!url) return <p className="dim">It has no address yet. It can be asked as soon as its services are ready.</p>;
  return (
    <form
      className="try"
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      <div className="try-ask">
        <TextArea label="Body" hint="JSON, for the graph's first step" rows={8} value={text} error={refused || undefined} onChange={setText} />
        <div>
          <Button type="submit" look="primary" Icon={Send}>
            Ask
          </Button>
        </div>
        <h2 className="lesser">The same from a terminal</h2>
        <Command label="the curl line" text={curl(url, text)} />
      </div>
      <div className="try-answer" aria-live="polite">
        {answer instanceof KubeError ? <Problem error={answer} /> : answer ? <Way walked={answer} target={(taken) => target(graph, taken)} /> : <p className="dim">The answer appears here.</p>}
      </div>
    </form>
  );
}

function target({ spec }: InferenceGraph, { node, index }: Taken): string {
  const step = spec.nodes[node]?.steps?.[index];
  return `${node} → ${step?.nodeName ?? step?.serviceName ?? step?.serviceUrl ?? step?.name ?? `step ${index + 1}`}`;
}
