import { useState } from "react";
import { KubeError, create } from "../api/kube";
import { collection, useMany } from "../api/resources";
import { Button } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import { SelectField, TextField } from "../ui/Fields";
import { Problem } from "../ui/notes";
import { notify } from "../ui/toasts";
import { type ClaimForm, defaultClass, document } from "./claims";
import { CLAIM, STORAGE_CLASS } from "./kinds";

const MODES = [
  { value: "ReadWriteOnce", label: "one node reads and writes" },
  { value: "ReadWriteMany", label: "many read and write" },
  { value: "ReadOnlyMany", label: "many read" },
];

export function NewVolume({ namespace, onClose }: { namespace: string; onClose: () => void }) {
  const classes = useMany(STORAGE_CLASS).items;
  const [form, setForm] = useState<ClaimForm>({ name: "", size: "5Gi", mode: "ReadWriteOnce", className: "" });
  const [error, setError] = useState<KubeError | null>(null);
  const set = (change: Partial<ClaimForm>) => setForm({ ...form, ...change });
  async function submit() {
    setError(null);
    try {
      await create(collection(CLAIM, namespace), document(form, namespace));
      notify(`Volume ${form.name} created`);
      onClose();
    } catch (problem) {
      setError(KubeError.of(problem));
    }
  }
  const usual = defaultClass(classes);
  return (
    <Dialog title="New volume" onClose={onClose}>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          void submit();
        }}
      >
        <TextField label="Name" value={form.name} required autoFocus autoComplete="off" onChange={(name) => set({ name })} />
        <div className="form-row">
          <TextField label="Size" value={form.size} required onChange={(size) => set({ size })} />
          <SelectField label="Access" value={form.mode} options={MODES} onChange={(mode) => set({ mode })} />
        </div>
        <SelectField
          label="Storage class"
          value={form.className}
          options={[{ value: "", label: usual ? `the usual one (${usual})` : "the usual one" }, ...classes.map((each) => ({ value: each.metadata.name }))]}
          onChange={(className) => set({ className })}
        />
        {error ? <Problem error={error} /> : null}
        <footer className="dialog-foot">
          <Button look="primary" type="submit">
            Create
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}
