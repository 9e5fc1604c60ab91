/** The document as a whole: its name, its parameters, what runs at its end. Shown while nothing is chosen. */

import { Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import { Button, IconButton } from "../../ui/Button";
import { SelectField } from "../../ui/Fields";
import { removeTemplate, setField, setParameter } from "../document/workflow/edit";
import { named } from "../document/workflow/parts";
import { asked } from "../document/workflow/read";
import { kindOf, specOf, specPath, templates } from "../document/workflow/shape";
import { obj } from "../ports/read";
import { useStudioHere } from "../studio";
import { Commit } from "./Commit";
import { PipelineFacts } from "./TaskFacts";

export function DocumentForm() {
  const { document, change, language } = useStudioHere();
  const meta = obj(document.metadata);
  const key = meta.generateName && !meta.name ? "generateName" : "name";
  const workflow = language?.shared === true;
  if (language?.form === "pipeline") return <PipelineFacts />;
  return (
    <div className="form">
      <header className="form-head">
        <h2>{String(document.kind ?? "No document")}</h2>
      </header>
      <Commit
        label={key === "name" ? "Name" : "Name of each run begins with"}
        value={String(meta[key] ?? "")}
        onCommit={(value) => change("Rename the document", (doc) => setField(doc, ["metadata"], key, value))}
      />
      {workflow ? <Parameters /> : <p className="dim">Routers send requests on to models in service. Choose one to change it.</p>}
      {workflow ? <Ends /> : null}
      {workflow ? <Templates /> : null}
    </div>
  );
}

function Parameters() {
  const { document, change } = useStudioHere();
  const [name, setName] = useState("");
  const all = asked(document);
  return (
    <section>
      <h3>Parameters</h3>
      {all.map((each) => (
        <div className="parameter" key={String(each.name)}>
          <Commit
            label={String(each.name)}
            hint={`A step speaks of it as {{workflow.parameters.${String(each.name)}}}`}
            value={String(each.value ?? "")}
            onCommit={(value) => change(`Set ${String(each.name)}`, (doc) => setParameter(doc, String(each.name), value))}
          />
          <IconButton label={`Delete parameter ${String(each.name)}`} Icon={Trash2} onClick={() => change("Delete a parameter", (doc) => setParameter(doc, String(each.name), null))} />
        </div>
      ))}
      <form
        className="adder"
        onSubmit={(e) => {
          e.preventDefault();
          const wanted = name.trim();
          if (!wanted) return;
          change(`Add parameter ${wanted}`, (doc) => setParameter(doc, named(wanted, all.map((each) => String(each.name))), ""));
          setName("");
        }}
      >
        <input aria-label="Name of a new parameter" placeholder="new-parameter" value={name} onChange={(e) => setName(e.target.value)} />
        <Button type="submit" Icon={Plus}>
          Add
        </Button>
      </form>
    </section>
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
