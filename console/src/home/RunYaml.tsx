/** A document from the clipboard or a file, run: any kinds that the server has. */

import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { KubeError } from "../api/kube";
import { Button } from "../ui/Button";
import { Code } from "../ui/Code";
import { Dialog } from "../ui/Dialog";
import { Problem } from "../ui/notes";
import { notify } from "../ui/toasts";
import { type Made, submit } from "./documents";

const HELLO = `apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata:
  generateName: hello-
spec:
  entrypoint: hello
  templates:
    - name: hello
      container:
        image: busybox
        command: [echo]
        args: ["hello"]
`;

export function RunYaml({ namespace, onClose }: { namespace: string; onClose: () => void }) {
  const [text, setText] = useState(HELLO);
  const [error, setError] = useState<KubeError | null>(null);
  const [busy, setBusy] = useState(false);
  const navigate = useNavigate();
  async function run() {
    setBusy(true);
    setError(null);
    try {
      const made = await submit(text, namespace);
      notify(made.map(({ of, item }) => `${of.kind} ${item.metadata.name} created`).join(", "));
      onClose();
      const to = place(made);
      if (to) void navigate({ to });
    } catch (problem) {
      setError(KubeError.of(problem));
      setBusy(false);
    }
  }
  return (
    <Dialog title={`Run in ${namespace}`} wide onClose={onClose}>
      <div className="home-yaml">
        <Code label="Document" language="yaml" value={text} onChange={setText} />
      </div>
      {error ? <Problem error={error} /> : null}
      <footer className="dialog-foot">
        <input
          type="file"
          accept=".yaml,.yml,.json"
          aria-label="Take it from a file"
          onChange={(e) => void e.target.files?.[0]?.text().then(setText)}
        />
        <Button look="primary" disabled={busy} onClick={() => void run()}>
          Run
        </Button>
      </footer>
    </Dialog>
  );
}

/** Where the first workflow among them is to be seen. */
function place(made: Made[]): string | undefined {
  const run = made.find(({ of }) => of.kind === "Workflow")?.item.metadata;
  return run?.namespace ? `/${encodeURIComponent(run.namespace)}/workflows/${encodeURIComponent(run.name)}` : undefined;
}
