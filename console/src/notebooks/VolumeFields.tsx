import { Plus, X } from "lucide-react";
import { Button, IconButton } from "../ui/Button";
import { SelectField, TextField } from "../ui/Fields";
import { Segments } from "../ui/Page";
import { type Form, MODES, type Storage, type VolumeForm, another } from "./form";

const CHOICES: readonly Storage[] = ["new", "existing", "none"];

interface Props {
  form: VolumeForm;
  /** The claims of the namespace. */
  known: string[];
  error: string | undefined;
  choices?: readonly Storage[];
  onChange: (form: VolumeForm) => void;
}

export function VolumeFields({ form, known, error, choices = CHOICES, onChange }: Props) {
  const set = (change: Partial<VolumeForm>) => onChange({ ...form, ...change });
  return (
    <>
      <p>
        <Segments label={`Volume ${form.name}`} options={choices} value={form.storage} onChange={(storage) => set(begun(storage, known))} />
      </p>
      {form.storage === "none" ? <p className="field-hint">What is written is lost when the notebook stops.</p> : null}
      {form.storage === "new" ? (
        <div className="form-row">
          <TextField label="Name" value={form.name} error={error} onChange={(name) => set({ name })} />
          <TextField label="Size" value={form.size} onChange={(size) => set({ size })} />
          <SelectField label="Access mode" value={form.mode} options={MODES.map((value) => ({ value }))} onChange={(mode) => set({ mode })} />
          <TextField label="Mounted at" value={form.path} onChange={(path) => set({ path })} />
        </div>
      ) : null}
      {form.storage === "existing" ? (
        <div className="form-row">
          <SelectField label="Volume" value={form.name} error={error} options={known.map((value) => ({ value }))} onChange={(name) => set({ name })} />
          <TextField label="Mounted at" value={form.path} onChange={(path) => set({ path })} />
        </div>
      ) : null}
    </>
  );
}

function begun(storage: Storage, known: string[]): Partial<VolumeForm> {
  return storage === "existing" ? { storage, name: known[0] ?? "" } : { storage };
}

interface DataProps {
  form: Form;
  known: string[];
  errors: (string | undefined)[];
  onChange: (data: VolumeForm[]) => void;
}

export function DataVolumes({ form, known, errors, onChange }: DataProps) {
  return (
    <fieldset>
      <legend>Data volumes</legend>
      {form.data.map((each, i) => (
        <div key={i} className="volume">
          <header>
            <span className="dim">Volume {i + 1}</span>
            <IconButton label={`Without volume ${i + 1}`} Icon={X} onClick={() => onChange(form.data.filter((_, at) => at !== i))} />
          </header>
          <VolumeFields
            form={each}
            known={known}
            error={errors[i]}
            choices={["new", "existing"]}
            onChange={(changed) => onChange(form.data.map((other, at) => (at === i ? changed : other)))}
          />
        </div>
      ))}
      <Button Icon={Plus} onClick={() => onChange([...form.data, another(form)])}>
        Add a volume
      </Button>
    </fieldset>
  );
}
