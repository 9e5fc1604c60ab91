/** When a step of a workflow runs, how often, and what comes after it. */

import { SelectField } from "../../ui/Fields";
import { setField, setLoop } from "../document/workflow/edit";
import { callAt, plainAt } from "../document/workflow/parts";
import { type Call, type Obj, template } from "../document/workflow/shape";
import { useStudioHere } from "../studio";
import { Commit } from "./Commit";
import { Loop } from "./Loop";
import { Section } from "./Section";

export function When({ call }: { call: Call }) {
  const { change, scope } = useStudioHere();
  const set = (label: string, key: string) => (value: string) => change(label, (doc) => setField(doc, callAt(doc, scope, call.name).path, key, value || null));
  return (
    <Section title="When and how often">
      <Waits call={call} onDepends={set("Change what it waits for", "depends")} />
      <Commit
        label="Only when"
        placeholder="always"
        hint='A condition, as {{tasks.evaluate.outputs.parameters.accuracy}} > 0.9'
        value={String(call.raw.when ?? "")}
        onCommit={set("Set a condition", "when")}
      />
      <Loop raw={call.raw} onLoop={(loop) => change("Set the loop", (doc) => setLoop(doc, callAt(doc, scope, call.name).path, loop))} />
      <ExitHook call={call} />
    </Section>
  );
}

/** Steps of groups wait for the group before: there is nothing to say. */
function Waits({ call, onDepends }: { call: Call; onDepends: (text: string) => void }) {
  if (!call.path.includes("dag")) return null;
  if (Array.isArray(call.raw.dependencies)) return <p className="dim">Waits for {call.raw.dependencies.join(", ")}.</p>;
  return <Commit label="Waits for" hint="Steps joined by && and ||; step.Failed for what happens after a failure" value={String(call.raw.depends ?? "")} onCommit={onDepends} />;
}

/** Another template of the document, run when this step has ended. */
function ExitHook({ call }: { call: Call }) {
  const { document, change, scope, scopes, components } = useStudioHere();
  const own = components.filter((each) => each.local).map((each) => each.local ?? "");
  const names = [...new Set([...own, ...scopes.map((each) => each.name)])].filter((name) => name !== scope && template(document, name));
  const value = String(((call.raw.hooks ?? {}) as Record<string, Obj>).exit?.template ?? call.raw.onExit ?? "");
  if (names.length === 0 && !value) return null;
  const set = (name: string) =>
    change("Set what runs afterwards", (doc) => {
      const { path } = callAt(doc, scope, call.name);
      const hooks = { ...((plainAt(doc, [...path, "hooks"]) ?? {}) as Obj) };
      delete hooks.exit;
      if (name) hooks.exit = { template: name };
      setField(doc, path, "onExit", null);
      setField(doc, path, "hooks", Object.keys(hooks).length ? hooks : null);
    });
  return <SelectField label="Afterwards run" value={value} options={[{ value: "", label: "nothing" }, ...names.map((each) => ({ value: each }))]} onChange={set} />;
}
