/** A workflow as a whole: its name, its parameters, what runs at its end. Shown while nothing is chosen. */

import { Plus, Trash2 } from "lucide-react";
import { type FormEvent, useState } from "react";
import { Button, IconButton } from "../../ui/Button";
import { SelectField } from "../../ui/Fields";
import { removeTemplate, setField, setParameter } from "../document/workflow/edit";
import { named } from "../document/workflow/parts";
import { asked } from "../document/workflow/read";
import { kindOf, specOf, specPath, templates } from "../document/workflow/shape";
import { useStudioHere } from "../studio";
import { Commit } from "./Commit";
import { DocumentName } from "./DocumentName";

export function WorkflowForm() {
  return (
    <div className="form">
      <DocumentName />
      <Parameters />
      <Ends />
      <Templates />
    </div>
  );
}

function Parameters() {
  const { document, change } = useStudioHere();
  const all = asked(document).map(({ name, value }) => ({ name: String(name), value: String(value ?? "") }));
  return (
    <section>
      <h3>Parameters</h3>
      {all.map(({ name, value }) => (
        <div className="setting" key={name}>
          <Commit
            label={name}
            hint={`A step speaks of it as {{workflow.parameters.${name}}}`}
            value={value}
            onCommit={(text) => change(`Set ${name}`, (doc) => setParameter(doc, name, text))}
          />
          <IconButton label={`Delete parameter ${name}`} Icon={Trash2} onClick={() => change("Delete a parameter", (doc) => setParameter(doc, name, null))} />
        </div>
      ))}
      <Adder taken={all.map((each) => each.name)} />
    </section>
  );
}

function Adder({ taken }: { taken: string[] }) {
  const { change } = useStudioHere();
  const [name, setName] = useState("");
  const add = (event: FormEvent) => {
    event.preventDefault();
    const wanted = name.trim();
    if (!wanted) return;
    change(`Add parameter ${wanted}`, (doc) => setParameter(doc, named(wanted, taken), ""));
    setName("");
  };
  return (
    <form className="adder" onSubmit={add}>
      <input aria-label="Name of a new parameter" placeholder="new-parameter" value={name} onChange={(e) => setName(e.target.value)} />
      <Button type="submit" Icon={Plus}>
        Add
      </Button>
    </form>
  );
}

function Ends() {
  const { document, change } = useStudioHere();
  const names = templates(document).map(({ raw }) => String(raw.name));
  const spec = specOf(document);
  const set = (label: string, key: string) => (value: string) => change(label, (doc) => setField(doc, specPath(document), key, value || null));
  return (
    <section>
      <h3>Runs</h3>
      <SelectField label="Begins with" value={String(spec.entrypoint ?? "")} options={["", ...names].map((value) => ({ value }))} onChange={set("Choose where it begins", "entrypoint")} />
      <SelectField
        label="At the end, whatever becomes of it"
        value={String(spec.onExit ?? "")}
        options={[{ value: "", label: "nothing" }, ...names.map((value) => ({ value }))]}
        onChange={set("Choose what runs at the end", "onExit")}
      />
    </section>
  );
}

function Templates() {
  const { document, change, open } = useStudioHere();
  const all = templates(document);
  if (all.length < 2) return null;
  return (
    <section>
      <h3>Templates of this document</h3>
      {all.map(({ raw }) => (
        <div key={String(raw.name)} className="wire">
          <span className="wire-text">
            <button type="button" className="link" onClick={() => open(String(raw.name))}>
              {String(raw.name)}
            </button>
            <span className="dim">{kindOf(raw)}</span>
          </span>
          <IconButton label={`Delete template ${String(raw.name)}`} Icon={Trash2} onClick={() => change(`Delete template ${String(raw.name)}`, (doc) => removeTemplate(doc, String(raw.name)))} />
        </div>
      ))}
    </section>
  );
}
