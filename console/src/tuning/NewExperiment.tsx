/** A new experiment: a form, and the YAML that it makes beside it; who edits that goes on without the form. */

import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { Plus, X } from "lucide-react";
import { useMemo, useState } from "react";
import { parse, stringify } from "yaml";
import { KubeError, create } from "../api/kube";
import { WORKFLOW_TEMPLATE, collection, useMany, useOne } from "../api/resources";
import type { KubeObject } from "../api/types";
import { useNamespace } from "../app/namespace";
import { Button, IconButton } from "../ui/Button";
import { Code } from "../ui/Code";
import { CheckField, SelectField, TextField } from "../ui/Fields";
import { Page, Segments } from "../ui/Page";
import { Problem } from "../ui/notes";
import { notify } from "../ui/toasts";
import { ALGORITHMS, type Faults, type Form, type Kind, type Known, type ParameterForm, blank, document, faults, parameter, sound } from "./form";
import { EXPERIMENT, type Experiment } from "./kinds";
import "./tuning.css";

const FROM = "/$namespace/experiments/new";
const KINDS: Kind[] = ["double", "int", "categorical", "discrete"];
const TYPES = ["minimize", "maximize"] as const;
const LINES = { lineWidth: 0, aliasDuplicateObjects: false };

export function NewExperiment() {
  const { clone } = useSearch({ from: FROM });
  const namespace = useNamespace();
  const found = useOne(EXPERIMENT, namespace, clone ?? "");
  if (clone && !found.loaded) return null;
  return <Making key={clone ?? ""} like={found.item} />;
}

/** What another experiment says, without what the server added. */
function again({ metadata, spec }: Experiment): string {
  return stringify({ apiVersion: EXPERIMENT.apiVersion, kind: "Experiment", metadata: { name: `${metadata.name}-again` }, spec }, LINES);
}

function Making({ like }: { like: Experiment | undefined }) {
  const namespace = useNamespace();
  const navigate = useNavigate();
  const experiments = useMany(EXPERIMENT, namespace).items;
  const templates = useMany(WORKFLOW_TEMPLATE, namespace).items;
  const known = useMemo((): Known => ({ experiments, templates }), [experiments, templates]);
  const [form, setForm] = useState(blank);
  const [own, setOwn] = useState<string | null>(() => (like ? again(like) : null));
  const [tried, setTried] = useState(false);
  const [error, setError] = useState<KubeError | null>(null);
  const wrong = faults(form);
  const made = useMemo(() => stringify(document(form, known), LINES), [form, known]);
  const text = own ?? made;

  async function go() {
    setTried(true);
    setError(null);
    if (own === null && !sound(wrong)) return;
    try {
      const { metadata } = await create<KubeObject>(collection(EXPERIMENT, namespace), parse(text));
      notify(`Experiment ${metadata.name} begins`);
      await navigate({ to: "/$namespace/experiments/$name", params: { namespace, name: metadata.name } });
    } catch (problem) {
      setError(KubeError.of(problem));
    }
  }

  return (
    <Page
      title={like ? `Clone of ${like.metadata.name}` : "New experiment"}
      crumbs={
        <Link to="/$namespace/experiments" params={{ namespace }}>
          Experiments
        </Link>
      }
    >
      <div className="form-and-text">
        <form
          className="experiment-form"
          onSubmit={(event) => {
            event.preventDefault();
            void go();
          }}
        >
          {own === null ? (
            <Fields form={form} known={known} wrong={tried ? wrong : { ...wrong, metric: undefined, name: undefined }} onChange={(part) => setForm({ ...form, ...part })} />
          ) : (
            <p className="dim detached">
              {like ? "Change what you like in the YAML." : "You have changed the YAML: it is what will be created."}{" "}
              <button type="button" className="link" onClick={() => setOwn(null)}>
                {like ? "Begin with a form instead" : "Back to the form, without these changes"}
              </button>
            </p>
          )}
          {error ? <Problem error={error} /> : null}
          <footer className="form-foot">
            <Button type="submit" look="primary">
              Create
            </Button>
            <Link to="/$namespace/experiments" params={{ namespace }} className="button">
              Cancel
            </Link>
          </footer>
        </form>
        <div className="experiment-yaml">
          <Code label="Experiment, YAML" language="yaml" value={text} onChange={(next) => setOwn(next === made ? null : next)} />
        </div>
      </div>
    </Page>
  );
}

type Told = { [K in keyof Faults]?: Faults[K] | undefined };

interface Part {
  form: Form;
  onChange: (part: Partial<Form>) => void;
}

function Fields({ form, known, wrong, onChange }: Part & { known: Known; wrong: Told }) {
  return (
    <>
      <fieldset>
        <legend>What is sought</legend>
        <div className="form-row">
          <TextField label="Name" value={form.name} error={wrong.name} autoComplete="off" onChange={(name) => onChange({ name })} />
          <TextField label="Metric" value={form.metric} error={wrong.metric} onChange={(metric) => onChange({ metric })} hint="Trials print it: loss=0.12" />
        </div>
        <p>
          <Segments label="Objective" options={TYPES} value={form.type} onChange={(type) => onChange({ type })} />
        </p>
        <div className="form-row">
          <TextField label="Goal" value={form.goal} error={wrong.goal} placeholder="none" onChange={(goal) => onChange({ goal })} hint="Reached: no further trial." />
          <TextField label="Further metrics" value={form.more} placeholder="none" onChange={(more) => onChange({ more })} hint="Kept as well; with commas." />
        </div>
      </fieldset>
      <Parameters form={form} wrong={wrong.parameters ?? []} onChange={onChange} />
      <Search form={form} wrong={wrong} onChange={onChange} />
      <Trial form={form} known={known} onChange={onChange} />
    </>
  );
}

function Parameters({ form: { parameters }, wrong, onChange }: Part & { wrong: (string | undefined)[] }) {
  const set = (at: number, part: Partial<ParameterForm>) => onChange({ parameters: parameters.map((p, i) => (i === at ? { ...p, ...part } : p)) });
  return (
    <fieldset>
      <legend>Parameters</legend>
      {parameters.map((p, i) => (
        <div key={i} className="parameter" role="group" aria-label={`Parameter ${i + 1}`}>
          <TextField label="Name" value={p.name} error={wrong[i]} autoComplete="off" onChange={(name) => set(i, { name })} />
          <SelectField label="Type" value={p.type} options={KINDS.map((value) => ({ value }))} onChange={(type) => set(i, { type: type as Kind })} />
          {p.type === "categorical" || p.type === "discrete" ? (
            <TextField label="Values" value={p.list} placeholder={p.type === "discrete" ? "16, 32, 64" : "adam, sgd"} onChange={(list) => set(i, { list })} />
          ) : (
            <>
              <TextField label="Least" value={p.min} onChange={(min) => set(i, { min })} />
              <TextField label="Greatest" value={p.max} onChange={(max) => set(i, { max })} />
              <SelectField label="Scale" value={p.log ? "log" : ""} options={[{ value: "", label: "linear" }, { value: "log", label: "log" }]} onChange={(scale) => set(i, { log: scale === "log" })} />
            </>
          )}
          <IconButton label={`Without ${p.name || `parameter ${i + 1}`}`} Icon={X} disabled={parameters.length === 1} onClick={() => onChange({ parameters: parameters.filter((_, at) => at !== i) })} />
        </div>
      ))}
      <Button Icon={Plus} onClick={() => onChange({ parameters: [...parameters, parameter("")] })}>
        Add a parameter
      </Button>
    </fieldset>
  );
}

function Search({ form, wrong, onChange }: Part & { wrong: Told }) {
  const known = ALGORITHMS.find((a) => a.name === form.algorithm)?.settings ?? [];
  return (
    <fieldset>
      <legend>How it is sought</legend>
      <div className="form-row">
        <SelectField label="Algorithm" value={form.algorithm} options={ALGORITHMS.map(({ name, label }) => ({ value: name, label }))} onChange={(algorithm) => onChange({ algorithm, settings: [] })} />
        <SelectField label="Early stopping" value={form.stopping} options={[{ value: "", label: "none" }, { value: "medianstop", label: "medianstop: worse than half" }]} onChange={(stopping) => onChange({ stopping })} />
      </div>
      {known.length ? (
        <details className="more">
          <summary>Settings of {form.algorithm}</summary>
          <div className="form-row">
            {known.map((name) => (
              <TextField
                key={name}
                label={name}
                value={form.settings.find((s) => s.name === name)?.value ?? ""}
                placeholder="its default"
                onChange={(value) => onChange({ settings: [...form.settings.filter((s) => s.name !== name), ...(value ? [{ name, value }] : [])] })}
              />
            ))}
          </div>
        </details>
      ) : null}
      <div className="form-row narrow-row">
        <TextField label="Trials, at most" value={form.most} error={wrong.most} inputMode="numeric" onChange={(most) => onChange({ most })} />
        <TextField label="At once" value={form.parallel} error={wrong.parallel} inputMode="numeric" onChange={(parallel) => onChange({ parallel })} />
        <TextField label="May fail" value={form.failed} inputMode="numeric" onChange={(failed) => onChange({ failed })} />
        <SelectField label="Afterwards" value={form.resume} options={[{ value: "LongRunning", label: "may go on" }, { value: "FromVolume", label: "may go on, from a volume" }, { value: "Never", label: "is over" }]} onChange={(resume) => onChange({ resume })} />
      </div>
    </fieldset>
  );
}

const WRITTEN = [{ value: "python", label: "a Python program, as a Job" }, { value: "pytorch", label: "a Python program, as a PyTorchJob of two" }];

function Trial({ form, known, onChange }: Part & { known: Known }) {
  const options = [
    ...WRITTEN,
    ...known.templates.map(({ metadata: { name } }) => ({ value: `workflow/${name}`, label: `the workflow template ${name}` })),
    ...known.experiments.map(({ metadata: { name } }) => ({ value: `experiment/${name}`, label: `as in the experiment ${name}` })),
  ];
  const written = WRITTEN.some((one) => one.value === form.trial);
  return (
    <fieldset>
      <legend>A trial</legend>
      <SelectField label="What one trial runs" value={form.trial} options={options} onChange={(trial) => onChange({ trial })} />
      {written ? (
        <>
          <TextField label="Image" value={form.image} onChange={(image) => onChange({ image })} />
          <div className="field">
            <span className="field-label">Program</span>
            <div className="trial-script">
              <Code label="Program of a trial" language="python" value={form.script} onChange={(script) => onChange({ script })} />
            </div>
            <p className="field-hint">
              It is given {form.parameters.map((p) => `--${p.name}=…`).join(" ")} and prints {form.metric || "the metric"}=value.
            </p>
          </div>
        </>
      ) : (
        <p className="field-hint">{form.trial.startsWith("workflow/") ? "Parameters go to the template's arguments of the same names; what its steps print is read." : "Its parameters must be those that it refers to."}</p>
      )}
      <CheckField label="Keep pods and logs of finished trials" checked={form.retain} onChange={(retain) => onChange({ retain })} />
    </fieldset>
  );
}
