/** A pipeline as a whole: its name, what it asks for, what it gives back. */

import { Plus, Trash2 } from "lucide-react";
import { type FormEvent, useState } from "react";
import { Button, IconButton } from "../../../ui/Button";
import { SelectField } from "../../../ui/Fields";
import { type Hand, change } from "../../document/pipeline/change";
import { describe, describedAs } from "../../document/pipeline/heading";
import { type Definition, ROOT, definitions, holder } from "../../document/pipeline/ir";
import { free_, removeInput, renamePort } from "../../document/pipeline/lines";
import { owner } from "../../document/pipeline/program";
import { PARAMETERS, expected, parameterType, typeOf, typed, written } from "../../document/pipeline/types";
import { Refused, replaceScalar } from "../../document/workflow/parts";
import { titled } from "../../ports/fit";
import { obj } from "../../ports/read";
import { useStudioHere } from "../../studio";
import { Commit } from "../Commit";
import { Section } from "../Section";

export function PipelineForm() {
  const { document, scope, source, change: edit } = useStudioHere();
  const own = owner(document, scope);
  const named = own === ROOT;
  return (
    <div className="form">
      <header className="form-head">
        <h2>{named ? "Pipeline" : own.replace(/^comp-/, "")}</h2>
      </header>
      {named ? (
        <>
          <Commit label="Name" value={String(obj(document.pipelineInfo).name ?? "")} onCommit={(name) => edit("Rename the pipeline", (doc) => rename(doc, name))} />
          <Commit label="Description" lines={2} value={source ? describedAs(source) : ""} onCommit={(text) => edit("Describe the pipeline", (doc) => describe(doc, text))} />
        </>
      ) : null}
      <Inputs own={own} />
      <Outputs own={own} />
    </div>
  );
}

function rename(doc: Parameters<typeof change>[0], name: string): void {
  change(doc, ROOT, () => undefined);
  replaceScalar(doc, ["pipelineInfo", "name"], name.trim());
  describe(doc, describedAs(doc));
}

/** An edit of the pipeline that a scope is in. */
function useEdit(): (label: string, does: (hand: Hand) => void) => void {
  const { document, scope, change: edit } = useStudioHere();
  const own = owner(document, scope);
  return (label, does) => void edit(label, (doc) => change(doc, own, does));
}

function Inputs({ own }: { own: string }) {
  const { document } = useStudioHere();
  const edit = useEdit();
  const all = [...definitions(holder(document, own).inputDefinitions)];
  return (
    <Section title="Inputs">
      {all.length === 0 ? <p className="dim">What is asked for at each run. Add one here, or connect an input of a step to Inputs.</p> : null}
      {all.map(([name, definition]) => (
        <One key={name} name={name} definition={definition} />
      ))}
      <Adder onAdd={(name) => edit(`Add input ${name}`, ({ program }) => void program.inputs.set(free_(name, program.inputs.keys()), { side: "parameters", raw: { parameterType: "STRING" } }))} />
    </Section>
  );
}

function One({ name, definition: { side, raw } }: { name: string; definition: Definition }) {
  const edit = useEdit();
  const type = parameterType(raw);
  const set = (label: string, next: Definition["raw"]) => edit(label, ({ program }) => void program.inputs.set(name, { side, raw: next }));
  const fallback = (text: string) => {
    const { defaultValue: _, isOptional: __, ...bare } = raw;
    if (text === "") return set(`No default of ${name}`, bare);
    edit(`Set the default of ${name}`, ({ program }) => {
      const value = typed(text, type);
      if (value === undefined) throw new Refused(`${name}: expected ${expected(type)}`);
      program.inputs.set(name, { side, raw: { ...bare, defaultValue: value, isOptional: true } });
    });
  };
  return (
    <fieldset className="port-of-whole">
      <legend className="hidden">{name}</legend>
      <div className="setting">
        <Commit label="Input" value={name} onCommit={(next) => edit(`Rename ${name}`, (hand) => renamePort(hand, "inputs", name, next.trim()))} />
        <IconButton label={`Delete input ${name}`} Icon={Trash2} onClick={() => edit(`Delete input ${name}`, (hand) => removeInput(hand, name))} />
      </div>
      {side === "parameters" ? (
        <div className="pair">
          <SelectField
            label="Type"
            value={type}
            options={[...PARAMETERS]}
            onChange={(parameterType) => {
              const { defaultValue: _, isOptional: __, ...bare } = raw;
              set(`Type of ${name}`, { ...bare, parameterType });
            }}
          />
          <Commit label="Default" placeholder="none: it is asked for" value={written(raw.defaultValue)} onCommit={fallback} />
        </div>
      ) : (
        <p className="dim">{titled(typeOf({ side, raw }))}, a file</p>
      )}
    </fieldset>
  );
}

function Outputs({ own }: { own: string }) {
  const { document } = useStudioHere();
  const edit = useEdit();
  const all = [...definitions(holder(document, own).outputDefinitions)];
  return (
    <Section title="Outputs">
      {all.length === 0 ? <p className="dim">What it gives back: draw a line from a step to Outputs.</p> : null}
      {all.map(([name, definition]) => (
        <div key={name} className="setting">
          <Commit label={titled(typeOf(definition))} value={name} onCommit={(next) => edit(`Rename ${name}`, (hand) => renamePort(hand, "outputs", name, next.trim()))} />
          <IconButton label={`Delete output ${name}`} Icon={Trash2} onClick={() => edit(`Delete output ${name}`, ({ program }) => void program.outputs.delete(name))} />
        </div>
      ))}
    </Section>
  );
}

function Adder({ onAdd }: { onAdd: (name: string) => void }) {
  const [name, setName] = useState("");
  const add = (event: FormEvent) => {
    event.preventDefault();
    if (name.trim()) onAdd(name.trim());
    setName("");
  };
  return (
    <form className="adder" onSubmit={add}>
      <input aria-label="Name of a new input" placeholder="new_input" value={name} onChange={(e) => setName(e.target.value)} />
      <Button type="submit" Icon={Plus}>
        Add
      </Button>
    </form>
  );
}
