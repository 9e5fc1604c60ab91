/** Asks for the name of a pipeline, or of its next version. */

import { type FormEvent, useState } from "react";
import { KubeError } from "../../api/kube";
import { Button } from "../../ui/Button";
import { Dialog } from "../../ui/Dialog";
import { TextField } from "../../ui/Fields";
import { Problem } from "../../ui/notes";
import type { Base } from "../saving";

interface Props {
  base: Base | null;
  usual: string;
  onClose: () => void;
  onName: (name: string) => Promise<void>;
}

export function SaveIt({ base, usual, onClose, onName }: Props) {
  const [name, setName] = useState(base?.hidden.next ?? usual);
  const [error, setError] = useState<KubeError | null>(null);
  const [busy, setBusy] = useState(false);
  const go = (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    onName(name.trim()).catch((problem: unknown) => {
      setError(KubeError.of(problem));
      setBusy(false);
    });
  };
  return (
    <Dialog title={base ? `New version of ${base.hidden.name}` : "Save the pipeline"} onClose={onClose}>
      <form onSubmit={go}>
        <TextField
          label={base ? "Name of the version" : "Name"}
          hint={base ? "Earlier versions stay as they are." : "It is then among the pipelines, with this as its first version."}
          value={name}
          onChange={setName}
          required
        />
        {error ? <Problem error={error} /> : null}
        <footer className="dialog-foot">
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" disabled={busy || !name.trim()}>
            Save
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}
