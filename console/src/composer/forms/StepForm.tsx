/** One step of a workflow: its name, what goes in, when, how often. Made from the inputs of what it calls. */

import { Copy, Maximize2, Trash2 } from "lucide-react";
import { Button, IconButton } from "../../ui/Button";
import { localise, setRetry } from "../document/workflow/edit";
import { made } from "../document/workflow/read";
import { type Call, type Obj, calls, shape, template } from "../document/workflow/shape";
import { Picture } from "../icons";
import type { GraphNode } from "../model";
import { useStudioHere } from "../studio";
import { Commit } from "./Commit";
import { Inputs } from "./Inputs";
import { LeafForm } from "./LeafForm";
import { Outputs } from "./Outputs";
import { When } from "./When";
import type { StepProps } from "./forms";
import { Findings } from "./Findings";

export function StepForm({ step, findings, onConnect, onRemove }: StepProps) {
  const { call, leaf } = useCalled(step);
  return (
    <div className="form" key={step.id}>
      <Head step={step} onRemove={onRemove} />
      <Findings findings={findings} />
      {call ? (
        <>
          <Name step={step} />
          <Inputs step={step} call={call} onConnect={onConnect} />
          <Outputs step={step} onConnect={onConnect} />
          <When call={call} />
        </>
      ) : null}
      {leaf && shape(leaf) === "leaf" ? <LeafForm name={String(leaf.name)} raw={leaf} /> : null}
      {leaf && typeof call?.raw.template === "string" ? <Retry raw={leaf} /> : null}
      {call?.raw.templateRef ? <MakeOwn step={step} call={call} /> : null}
    </div>
  );
}

/** The call that a step is, and the template that it calls where this is the document's own. */
function useCalled(step: GraphNode): { call: Call | undefined; leaf: Obj | undefined } {
  const { document, scope, library } = useStudioHere();
  const found = template(document, scope);
  const call = found && shape(found.raw) !== "leaf" ? calls(found).find((each) => each.name === step.id) : undefined;
  return { call, leaf: call ? made(document, call, library).raw : found?.raw };
}

function Head({ step, onRemove }: { step: GraphNode; onRemove: () => void }) {
  const { open } = useStudioHere();
  const { opens } = step;
  return (
    <header className="form-head">
      <Picture name={step.icon} size={18} />
      <h2>{step.detail}</h2>
      {opens ? <IconButton label={`Open ${opens}`} Icon={Maximize2} onClick={() => open(opens)} /> : null}
      <IconButton label={`Delete ${step.id}`} Icon={Trash2} onClick={onRemove} />
    </header>
  );
}

function Name({ step }: { step: GraphNode }) {
  const { change, language, scope } = useStudioHere();
  return <Commit label="Name of the step" value={step.id} onCommit={(name) => change(`Rename ${step.id}`, (doc) => language?.rename(doc, scope, step.id, name))} />;
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
