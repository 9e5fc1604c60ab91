/** A run written as YAML; Argo's own checks are asked while one writes. */

import { useNavigate } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { KubeError } from "../api/kube";
import type { KubeObject } from "../api/types";
import { Button } from "../ui/Button";
import { Code } from "../ui/Code";
import { Dialog } from "../ui/Dialog";
import { Problem } from "../ui/notes";
import { notify } from "../ui/toasts";
import { type Draft, read } from "./draft";
import { lint, submit } from "./steering";

const EXAMPLE = `apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata:
  generateName: hello-
spec:
  entrypoint: main
  templates:
  - name: main
    container:
      image: busybox
      command: [echo, hello]
`;
const REST = 400;

export function SubmitYaml({ namespace, onClose }: { namespace: string; onClose: () => void }) {
  const [text, setText] = useState(EXAMPLE);
  const [error, setError] = useState<KubeError | null>(null);
  const navigate = useNavigate();
  const draft = useLinted(namespace, text);
  async function go() {
    setError(null);
    try {
      const made = await submit(namespace, draft.document);
      notify(`${made.metadata.name} submitted`);
      onClose();
      void navigate({ to: "/$namespace/workflows/$name", params: { namespace, name: made.metadata.name } });
    } catch (problem) {
      setError(KubeError.of(problem));
    }
  }
  return (
    <Dialog title="New run from YAML" onClose={onClose} wide>
      <div className="submit-text">
        <Code label="Workflow, YAML" language="yaml" value={text} onChange={setText} findings={draft.findings} />
      </div>
      <p role="status" className={draft.findings.length ? "problem" : "dim"}>
        {draft.findings[0]?.message ?? (draft.checked ? "Argo finds nothing wrong with it." : "Checking …")}
      </p>
      {error ? <Problem error={error} /> : null}
      <footer className="dialog-foot">
        <Button onClick={onClose}>Cancel</Button>
        <Button look="primary" disabled={draft.document === null} onClick={() => void go()}>
          Submit
        </Button>
      </footer>
    </Dialog>
  );
}

/** Syntax at once, the server's judgement when the writer rests. */
function useLinted(namespace: string, text: string): Draft {
  const [draft, setDraft] = useState<Draft>(() => read(text));
  useEffect(() => {
    const now = read(text);
    setDraft(now);
    if (!now.document) return;
    const state = { current: true };
    const timer = setTimeout(() => {
      void lint(namespace, inNamespace(now.document as KubeObject, namespace)).then((error) => {
        if (state.current) setDraft(read(text, error ?? undefined, true));
      });
    }, REST);
    return () => {
      state.current = false;
      clearTimeout(timer);
    };
  }, [namespace, text]);
  return draft;
}

function inNamespace(document: KubeObject, namespace: string): object {
  return { ...document, metadata: { namespace, ...document.metadata } };
}
