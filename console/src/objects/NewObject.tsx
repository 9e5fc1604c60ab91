/** A new object, written as the YAML that it is; a template teaches its shape. */

import { type LucideIcon, Plus } from "lucide-react";
import { useState } from "react";
import { parse } from "yaml";
import { KubeError, create } from "../api/kube";
import { type Resource, collection } from "../api/resources";
import type { KubeObject } from "../api/types";
import { Button } from "../ui/Button";
import { Code } from "../ui/Code";
import { Dialog } from "../ui/Dialog";
import { SelectField } from "../ui/Fields";
import { Problem } from "../ui/notes";
import { notify } from "../ui/toasts";

interface Props {
  /** What may be made; a document's kind chooses. */
  kinds: Resource[];
  namespace: string;
  /** What it begins as: one text, or several by their names to choose from. */
  template?: string;
  templates?: Record<string, string>;
  label: string;
  look?: "plain" | "primary";
  Icon?: LucideIcon;
  onCreated: (made: KubeObject) => void;
}

export function NewObject(props: Props) {
  const { look = "primary", Icon = Plus } = props;
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button look={look} Icon={Icon} onClick={() => setOpen(true)}>
        {props.label}
      </Button>
      {open ? <Writing {...props} onClose={() => setOpen(false)} /> : null}
    </>
  );
}

function Writing({ kinds, namespace, template, templates = {}, label, onCreated, onClose }: Props & { onClose: () => void }) {
  const names = Object.keys(templates);
  const [begun, setBegun] = useState(names[0] ?? "");
  const [text, setText] = useState(template ?? templates[begun] ?? "");
  const [error, setError] = useState<KubeError | null>(null);

  async function save() {
    setError(null);
    try {
      const document = parse(text) as KubeObject | null;
      const made = await create<KubeObject>(collection(chosen(kinds, document), namespace), document);
      notify(`${document?.kind} ${made.metadata.name} created`);
      onClose();
      onCreated({ ...made, kind: document?.kind ?? "" });
    } catch (problem) {
      setError(KubeError.of(problem));
    }
  }

  return (
    <Dialog title={label} wide onClose={onClose}>
      {names.length > 1 ? (
        <SelectField
          label="Begin with"
          value={begun}
          options={names.map((value) => ({ value }))}
          onChange={(name) => {
            setBegun(name);
            setText(templates[name] ?? "");
          }}
        />
      ) : null}
      <div className="new-yaml">
        <Code label={`${label}, YAML`} language="yaml" value={text} onChange={setText} />
      </div>
      {error ? <Problem error={error} /> : null}
      <footer className="dialog-foot">
        <Button onClick={onClose}>Cancel</Button>
        <Button look="primary" onClick={() => void save()}>
          Create
        </Button>
      </footer>
    </Dialog>
  );
}

function chosen(kinds: Resource[], document: KubeObject | null): Resource {
  const found = kinds.find((k) => k.kind === document?.kind && k.apiVersion === document?.apiVersion);
  const known = kinds.map((k) => `${k.apiVersion} ${k.kind}`).join(", ");
  if (!found) throw new KubeError(0, "", `kind: expected ${known}, found ${document?.apiVersion ?? ""} ${document?.kind ?? "nothing"}`);
  return found;
}
