/** A graph takes what its first service takes: JSON, as the reader writes it. */

import { Send } from "lucide-react";
import { useState } from "react";
import { KubeError } from "../api/kube";
import { Button } from "../ui/Button";
import { Command } from "../ui/Copy";
import { TextArea } from "../ui/Fields";
import { Problem } from "../ui/notes";
import { Said } from "./TryIt";
import { type Answer, ask, through } from "./asking";
import type { InferenceGraph } from "./kinds";
import { Refused, curl, typed } from "./predict";

export function GraphTryIt({ graph }: { graph: InferenceGraph }) {
  const { name, namespace = "" } = graph.metadata;
  const url = graph.status?.url ?? "";
  const [text, setText] = useState('{"instances": [[1, 2, 3, 4]]}');
  const [refused, setRefused] = useState("");
  const [answer, setAnswer] = useState<Answer | KubeError | null>(null);

  async function send() {
    setRefused("");
    try {
      const body = typed("body", text);
      setAnswer(await ask(through(namespace, name, "/"), body).catch(KubeError.of));
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
        {answer instanceof KubeError ? <Problem error={answer} /> : answer ? <Said answer={answer} /> : <p className="dim">The answer appears here.</p>}
      </div>
    </form>
  );
}
