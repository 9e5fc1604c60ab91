/** A run of a template: its arguments as fields. */

import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { KubeError } from "../api/kube";
import type { Parameter } from "../api/types";
import { Button } from "../ui/Button";
import { SelectField, TextArea, TextField } from "../ui/Fields";
import { Problem } from "../ui/notes";
import { notify } from "../ui/toasts";
import { type Source, asked, initial, missing, runOf } from "./arguments";
import { submit } from "./steering";

const LONG = 80;

export function RunForm({ source, namespace, onClose }: { source: Source; namespace: string; onClose: () => void }) {
  const { spec } = source.item;
  const [entrypoint, setEntrypoint] = useState(spec.entrypoint ?? spec.templates?.[0]?.name);
  const [answers, setAnswers] = useState<Record<string, string>>({});
  const [name, setName] = useState("");
  const [error, setError] = useState<KubeError | null>(null);
  const [busy, setBusy] = useState(false);
  const navigate = useNavigate();
  const parameters = asked(source.item, entrypoint);
  const open = missing(parameters, answers);
  async function go() {
    setBusy(true);
    setError(null);
    try {
      const made = await submit(namespace, runOf(source, entrypoint, answers, name));
      notify(`${made.metadata.name} submitted`);
      onClose();
      void navigate({ to: "/$namespace/workflows/$name", params: { namespace, name: made.metadata.name } });
    } catch (problem) {
      setError(KubeError.of(problem));
      setBusy(false);
    }
  }
  return (
    <form
      onSubmit={(e) => {
        e.preventDefault();
        void go();
      }}
    >
      {(spec.templates?.length ?? 0) > 1 || !spec.entrypoint ? (
        <SelectField
          label="Begin with"
          value={entrypoint ?? ""}
          options={(spec.templates ?? []).map((t) => ({ value: t.name }))}
          onChange={setEntrypoint}
        />
      ) : null}
      {parameters.map((p) => (
        <Answer key={p.name} parameter={p} value={answers[p.name] ?? initial(p)} onChange={(value) => setAnswers({ ...answers, [p.name]: value })} />
      ))}
      {parameters.length ? null : <p className="dim">It takes no arguments.</p>}
      <TextField label="Name of the run" value={name} onChange={setName} placeholder={`${source.item.metadata.name}-…`} hint="Empty: the template's name and five letters." />
      {error ? <Problem error={error} /> : null}
      <footer className="dialog-foot">
        {open.length ? <span className="dim">Still needed: {open.join(", ")}</span> : null}
        <Button onClick={onClose}>Cancel</Button>
        <Button look="primary" type="submit" disabled={busy || open.length > 0}>
          Run
        </Button>
      </footer>
    </form>
  );
}

function Answer({ parameter, value, onChange }: { parameter: Parameter; value: string; onChange: (value: string) => void }) {
  const common = { label: parameter.name, hint: parameter.description, value, onChange };
  if (parameter.enum) return <SelectField {...common} options={parameter.enum.map((choice) => ({ value: String(choice) }))} />;
  if (initial(parameter).length > LONG || initial(parameter).includes("\n")) return <TextArea {...common} />;
  return <TextField {...common} />;
}
