/** One step of a workflow: its name, what goes in, when, how often. Made from the inputs of what it calls. */

import { Copy, Link2, Maximize2, Trash2, Unlink } from "lucide-react";
import type { ReactNode } from "react";
import { Button, IconButton } from "../../ui/Button";
import { SelectField } from "../../ui/Fields";
import { disconnect, localise, setField, setLoop, setRetry } from "../document/workflow/edit";
import { callAt, plainAt, setArgument } from "../document/workflow/parts";
import { given, made } from "../document/workflow/read";
import { type Call, type Obj, calls, shape, template } from "../document/workflow/shape";
import type { Start } from "../fitting";
import { Picture } from "../icons";
import type { Finding, GraphNode, Port } from "../model";
import { colour, titled } from "../ports/fit";
import { useStudioHere } from "../studio";
import { Commit } from "./Commit";
import { LeafForm } from "./LeafForm";
import { Loop } from "./Loop";
import { fault } from "./faults";

interface Props {
  step: GraphNode;
  findings: Finding[];
  onConnect: (start: Start) => void;
  onRemove: () => void;
}

export function StepForm({ step, findings, onConnect, onRemove }: Props) {
  const { document, scope, language, change, open, library } = useStudioHere();
  const found = template(document, scope);
  const call = found && shape(found.raw) !== "leaf" ? calls(found).find((each) => each.name === step.id) : undefined;
  const leaf = call ? made(document, call, library).raw : found?.raw;
  return (
    <div className="form" key={step.id}>
      <header className="form-head">
        <Picture name={step.icon} size={18} />
        <h2>{step.detail}</h2>
        {step.opens ? <IconButton label={`Open ${step.opens}`} Icon={Maximize2} onClick={() => open(step.opens ?? "")} /> : null}
        <IconButton label={`Delete ${step.id}`} Icon={Trash2} onClick={onRemove} />
      </header>
      <Findings findings={findings} />
      {call ? (
        <>
          <Commit label="Name of the step" value={step.id} onCommit={(name) => change(`Rename ${step.id}`, (doc) => language?.rename(doc, scope, step.id, name))} />
          <Inputs step={step} call={call} onConnect={onConnect} />
          <Outputs step={step} onConnect={onConnect} />
          <Order call={call} />
        </>
      ) : null}
      {leaf && shape(leaf) === "leaf" ? <LeafForm name={String(leaf.name)} raw={leaf} /> : null}
      {leaf && call && typeof call.raw.template === "string" ? <Retry raw={leaf} /> : null}
      {call?.raw.templateRef ? <MakeOwn step={step} call={call} /> : null}
    </div>
  );
}

export function Findings({ findings }: { findings: Finding[] }) {
  return findings.map((each) => (
    <p key={each.message} className={each.severity === "error" ? "problem" : "warning"}>
      {each.message}
    </p>
  ));
}

function Section({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section>
      <h3>{title}</h3>
      {children}
    </section>
  );
}

function Inputs({ step, call, onConnect }: { step: GraphNode; call: Call; onConnect: (start: Start) => void }) {
  const { change, scope, graph } = useStudioHere();
  const args = given(call.raw);
  const lost = [...args.keys()].filter((name) => !step.ports.inputs.some((port) => port.name === name));
  if (step.ports.inputs.length + lost.length === 0) return null;
  return (
    <Section title="Inputs">
      {step.ports.inputs.map((port) => (
        <Input
          key={`${port.kind} ${port.name}`}
          port={port}
          value={args.get(port.name) ?? ""}
          plain={isPlain(call, port)}
          onValue={(value) => change(`Set ${port.name}`, (doc) => setArgument(doc, callAt(doc, scope, step.id).path, port.kind, port.name, value || null))}
          onConnect={() => onConnect({ node: step.id, port: port.name, side: "inputs" })}
          onDisconnect={() => cut(step.id, port.name)}
        />
      ))}
      {lost.map((name) => (
        <p key={name} className="warning">
          <code>{name}</code> is given, but it is no input of this component.
        </p>
      ))}
    </Section>
  );

  function cut(node: string, port: string): void {
    change(`Disconnect ${port}`, (doc) => {
      for (const edge of graph.edges) if (edge.to.node === node && edge.to.port === port) disconnect(doc, scope, edge);
    });
  }
}

function isPlain(call: Call, port: Port): boolean {
  const args = (call.raw.arguments ?? {}) as { parameters?: Obj[] };
  return args.parameters?.find((each) => each.name === port.name)?.valueFrom === undefined;
}

interface InputProps {
  port: Port;
  value: string;
  /** Not given by another object's field. */
  plain: boolean;
  onValue: (value: string) => void;
  onConnect: () => void;
  onDisconnect: () => void;
}

function Input({ port, value, plain, onValue, onConnect, onDisconnect }: InputProps) {
  const wired = /\b(tasks|steps)[.[]/.test(value);
  const label = port.required ? `${port.name} *` : port.name;
  if (port.kind === "artifact" || wired || !plain)
    return (
      <div className="wire">
        <span className={`dot port-${colour(port.types[0] ?? "any")}`} aria-hidden />
        <span className="wire-text">
          <span className="wire-name">{label}</span>
          <span className="dim">{value ? spoken(value) : `${port.types.map(titled).join(" or ")}${port.required ? "" : ", optional"}`}</span>
        </span>
        {value ? (
          <IconButton label={`Disconnect ${port.name}`} Icon={Unlink} onClick={wired ? onDisconnect : () => onValue("")} />
        ) : (
          <IconButton label={`Connect ${port.name}`} Icon={Link2} onClick={onConnect} />
        )}
      </div>
    );
  return <Parameter port={port} label={label} value={value} onValue={onValue} onConnect={onConnect} />;
}

/** A reference as people say it. */
function spoken(text: string): string {
  const found = /^\{\{=?\s*(?:tasks|steps)\.([\w-]+)\.outputs\.(?:(?:artifacts|parameters)\.)?([\w-]+)\s*\}\}$/.exec(text);
  return found ? `${found[2]} of ${found[1]}` : text;
}

function Parameter({ port, label, value, onValue, onConnect }: { port: Port; label: string; value: string; onValue: (value: string) => void; onConnect: () => void }) {
  const choices = port.enum ?? (port.types[0] === "boolean" ? ["true", "false"] : undefined);
  const hint = [port.description, bounds(port)].filter(Boolean).join(". ");
  if (choices) {
    const usual = { value: "", label: port.default === undefined ? "choose …" : `${port.default || "empty"} (as it comes)` };
    const odd = value && !choices.includes(value) ? [{ value }] : [];
    return <SelectField label={label} hint={hint} value={value} options={[usual, ...choices.map((each) => ({ value: each })), ...odd]} onChange={onValue} />;
  }
  const number = port.types[0] === "integer" ? "numeric" : port.types[0] === "number" ? "decimal" : "text";
  return (
    <div className="parameter">
      <Commit label={label} hint={hint} error={fault(port, value)} placeholder={port.default} value={value} onCommit={onValue} inputMode={number} />
      <IconButton label={`Connect ${port.name}`} Icon={Link2} onClick={onConnect} />
    </div>
  );
}

function bounds({ minimum, maximum }: Port): string {
  if (minimum !== undefined && maximum !== undefined) return `${minimum} to ${maximum}`;
  if (minimum !== undefined) return `At least ${minimum}`;
  return maximum === undefined ? "" : `At most ${maximum}`;
}

function Outputs({ step, onConnect }: { step: GraphNode; onConnect: (start: Start) => void }) {
  if (step.ports.outputs.length === 0) return null;
  return (
    <Section title="Outputs">
      {step.ports.outputs.map((port) => (
        <div key={`${port.kind} ${port.name}`} className="wire">
          <span className={`dot port-${colour(port.types[0] ?? "any")}`} aria-hidden />
          <span className="wire-text">
            <span className="wire-name">{port.name}</span>
            <span className="dim">{port.name === "result" ? "what it prints" : port.types.map(titled).join(" or ")}</span>
          </span>
          <IconButton label={`Connect output ${port.name}`} Icon={Link2} onClick={() => onConnect({ node: step.id, port: port.name, side: "outputs" })} />
        </div>
      ))}
    </Section>
  );
}

function Order({ call }: { call: Call }) {
  const { change, scope } = useStudioHere();
  const set = (label: string, key: string) => (value: string) => change(label, (doc) => setField(doc, callAt(doc, scope, call.name).path, key, value || null));
  const dag = call.path.includes("dag");
  const waits = Array.isArray(call.raw.dependencies) ? call.raw.dependencies.join(", ") : String(call.raw.depends ?? "");
  return (
    <Section title="When and how often">
      {dag && !call.raw.dependencies ? <Commit label="Waits for" hint="Steps joined by && and ||; step.Failed for what happens after a failure" value={waits} onCommit={set("Change what it waits for", "depends")} /> : null}
      {dag && call.raw.dependencies ? <p className="dim">Waits for {waits}.</p> : null}
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

function Retry({ raw }: { raw: Obj }) {
  const { change } = useStudioHere();
  const limit = (raw.retryStrategy as Obj | undefined)?.limit;
  const said = raw.retryStrategy ? String(limit ?? "") : "0";
  const set = (text: string) => change("Set how often it is tried again", (doc) => setRetry(doc, String(raw.name), Number(text) > 0 ? Number(text) : null));
  return <Commit label="Tried again when it fails" inputMode="numeric" hint="Times; 0 for never" value={said} onCommit={set} />;
}

function MakeOwn({ step, call }: { step: GraphNode; call: Call }) {
  const { change, scope, library, document } = useStudioHere();
  const { component } = made(document, call, library);
  if (!component?.raw) return null;
  return (
    <p>
      <Button Icon={Copy} onClick={() => change(`Copy ${step.detail} into the document`, (doc) => localise(doc, scope, step.id, component))}>
        Edit its code
      </Button>
      <span className="field-hint"> copies the component into this document</span>
    </p>
  );
}
