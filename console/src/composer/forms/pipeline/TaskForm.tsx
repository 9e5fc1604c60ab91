/** One node of a pipeline: a task with its inputs and settings, a loop, a condition, an exit handler, or the drawing's border. */

import { Maximize2, Trash2 } from "lucide-react";
import { IconButton } from "../../../ui/Button";
import { CheckField } from "../../../ui/Fields";
import { change } from "../../document/pipeline/change";
import { always, nodeHere, setAlways, setCaching, setRetries } from "../../document/pipeline/edit";
import { type Obj, executorOf, componentOf, holder, tasksOf } from "../../document/pipeline/ir";
import { Picture } from "../../icons";
import { obj } from "../../ports/read";
import { useStudioHere } from "../../studio";
import { Commit } from "../Commit";
import { Findings } from "../Findings";
import { Outputs } from "../Outputs";
import { Section } from "../Section";
import type { StepProps } from "../forms";
import { ConditionForm } from "./ConditionForm";
import { LoopForm } from "./LoopForm";
import { PipelineForm } from "./PipelineForm";
import { Values } from "./Values";

export function TaskForm(props: StepProps) {
  const { step, findings, onConnect, onRemove } = props;
  const { open } = useStudioHere();
  if (step.border === "inputs" || step.border === "outputs") return <PipelineForm />;
  if (step.border) return <Outside />;
  return (
    <div className="form">
      <header className="form-head">
        <Picture name={step.icon} size={18} />
        <h2>{step.detail}</h2>
        {step.opens ? <IconButton label={`Open ${step.title}`} Icon={Maximize2} onClick={() => open(step.opens ?? "")} /> : null}
        <IconButton label={`Delete ${step.title}`} Icon={Trash2} onClick={onRemove} />
      </header>
      <Findings findings={findings} />
      <Name {...props} />
      <Special {...props} />
      <Values step={step} onConnect={onConnect} />
      <Outputs step={step} onConnect={onConnect} />
      <Settings {...props} />
      <Made {...props} />
    </div>
  );
}

function Outside() {
  return (
    <div className="form">
      <header className="form-head">
        <h2>Inputs</h2>
      </header>
      <p className="dim">What comes from around this drawing. Everything that is made there can be used here: connect an input of a step, and choose.</p>
    </div>
  );
}

/** The task as it stands, with what belongs to it. */
export function useTask(id: string): Obj {
  const { document, scope } = useStudioHere();
  return tasksOf(holder(document, scope)).find(([key]) => key === id)?.[1] ?? {};
}

function Name({ step }: StepProps) {
  const { change: edit, scope, language } = useStudioHere();
  const task = useTask(step.id);
  return (
    <Commit
      label="Name that is shown"
      hint={obj(task.taskInfo).name === step.id ? undefined : step.id}
      value={String(obj(task.taskInfo).name ?? step.id)}
      onCommit={(name) => edit(`Rename ${step.title}`, (doc) => language?.rename(doc, scope, step.id, name))}
    />
  );
}

function Special({ step }: StepProps) {
  if (step.icon === "repeat") return <LoopForm id={step.id} />;
  return step.icon === "git-branch" ? <ConditionForm id={step.id} /> : null;
}

function Settings({ step }: StepProps) {
  const { change: edit, scope, document } = useStudioHere();
  const task = useTask(step.id);
  const inner = componentOf(document, task).dag !== undefined;
  const retries = obj(task.retryPolicy).maxRetryCount;
  const waits = Array.isArray(task.dependentTasks) && task.dependentTasks.length > 0;
  const node = { raw: task } as Parameters<typeof always>[0];
  if (inner && step.icon !== "workflow") return null;
  return (
    <Section title="When it runs">
      <CheckField
        label="Take it from before if nothing changed"
        checked={obj(task.cachingOptions).enableCache === true}
        onChange={(on) => edit(on ? "Allow its cache" : "Never take it from before", (doc) => change(doc, scope, (hand) => setCaching(nodeHere(hand, step.id), on)))}
      />
      {waits || always(node) ? (
        <CheckField
          label="Even if what it waits for fails"
          checked={always(node)}
          onChange={(on) => edit("Change when it runs", (doc) => change(doc, scope, (hand) => setAlways(nodeHere(hand, step.id), on)))}
        />
      ) : null}
      <Commit
        label="Tried again when it fails"
        hint="Times; 0 for never"
        inputMode="numeric"
        value={String(retries ?? 0)}
        onCommit={(text) => edit("Set how often it is tried again", (doc) => change(doc, scope, (hand) => setRetries(nodeHere(hand, step.id), Math.max(0, Math.round(Number(text) || 0)))))}
      />
    </Section>
  );
}

/** What runs, read: the code of a component is changed where it is written. */
function Made({ step }: StepProps) {
  const { document } = useStudioHere();
  const container = obj(executorOf(document, componentOf(document, useTask(step.id))).container);
  if (!container.image) return null;
  const all = [...(Array.isArray(container.command) ? container.command : []), ...(Array.isArray(container.args) ? container.args : [])].map(String);
  const source = all.filter((each) => each.includes("\n")).at(-1);
  const code = source?.includes("def ") ? source.trim() : all.join(" ");
  return (
    <Section title="What it is made of">
      <p>
        <code>{String(container.image)}</code>
      </p>
      <pre className="code-read" tabIndex={0}>
        {code.replace(/^(?:import kfp\n)?from kfp import dsl\nfrom kfp\.dsl import \*\nfrom typing import \*\n+/, "")}
      </pre>
    </Section>
  );
}
