import { useState } from "react";
import { KubeError, create } from "../api/kube";
import { CLAIM, collection, useMany } from "../api/resources";
import { Button } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import { SelectField, TextField } from "../ui/Fields";
import { Segments } from "../ui/Page";
import { Problem } from "../ui/notes";
import { notify } from "../ui/toasts";
import { type BoardForm, TENSORBOARD, document, onVolume } from "./boards";

const SOURCES = ["A volume", "An address"] as const;

interface Props {
  namespace: string;
  /** Where the logs are, if a link said so. */
  path: string;
  onClose: () => void;
}

export function NewTensorboard({ namespace, path, onClose }: Props) {
  const claims = useMany(CLAIM, namespace).items.map((each) => each.metadata.name);
  const [form, setForm] = useState(() => begun(path));
  const [error, setError] = useState<KubeError | null>(null);
  const set = (change: Partial<BoardForm>) => setForm({ ...form, ...change });
  const claim = form.claim || (claims[0] ?? "");
  async function submit() {
    setError(null);
    try {
      await create(collection(TENSORBOARD, namespace), document({ ...form, claim }, namespace));
      notify(`TensorBoard ${form.name} is starting`);
      onClose();
    } catch (problem) {
      setError(KubeError.of(problem));
    }
  }
  return (
    <Dialog title="New TensorBoard" onClose={onClose}>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          void submit();
        }}
      >
        <TextField label="Name" value={form.name} required autoFocus autoComplete="off" onChange={(name) => set({ name })} />
        <p>
          <Segments
            label="Where the logs are"
            options={SOURCES}
            value={form.source === "volume" ? "A volume" : "An address"}
            onChange={(source) => set({ source: source === "A volume" ? "volume" : "address" })}
          />
        </p>
        {form.source === "volume" ? (
          <div className="form-row">
            <SelectField label="Volume" value={claim} options={claims.map((value) => ({ value }))} onChange={(each) => set({ claim: each })} />
            <TextField label="Folder" value={form.folder} placeholder="logs/run-1" onChange={(folder) => set({ folder })} />
          </div>
        ) : (
          <TextField
            label="Address"
            value={form.address}
            required
            placeholder="s3://bucket/logs"
            hint="s3://, gs:// or an artifact's path"
            onChange={(address) => set({ address })}
          />
        )}
        {error ? <Problem error={error} /> : null}
        <footer className="dialog-foot">
          <Button look="primary" type="submit" disabled={form.source === "volume" && !claim}>
            Create
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}

function begun(path: string): BoardForm {
  const place = onVolume(path);
  const source = path && !place ? "address" : "volume";
  return { name: "", source, claim: place?.claim ?? "", folder: place?.folder ?? "", address: place ? "" : path };
}
