/** A new notebook server: the form of upstream's web application, tried on the server before anything is made. */

import { Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { KubeError, type Listed, create, get } from "../api/kube";
import { type Machine, useMachine } from "../api/machine";
import { CLAIM, collection, resource, useMany } from "../api/resources";
import type { KubeObject } from "../api/types";
import { useNamespace } from "../app/namespace";
import { bytes } from "../objects/quantity";
import { Button } from "../ui/Button";
import { CheckField, SelectField, TextField } from "../ui/Fields";
import { Page, Segments } from "../ui/Page";
import { Problem } from "../ui/notes";
import { notify } from "../ui/toasts";
import { DataVolumes, VolumeFields } from "./VolumeFields";
import { type Form, EDITOR, IMAGES, VENDORS, blank, documents, free, problems, sound, workspaceName } from "./form";
import { NOTEBOOK, POD_DEFAULT, type PodDefault } from "./kinds";
import "./notebooks.css";
import { shortImage } from "./state";

const ACCOUNT = resource("v1", "serviceaccounts", "ServiceAccount");
const TYPES = ["JupyterLab", "VS Code", "RStudio"] as const;
const GROUPS: Record<(typeof TYPES)[number], Form["type"]> = { JupyterLab: "jupyter", "VS Code": "group-one", RStudio: "group-two" };
const GPUS = ["0", "1", "2", "4", "8"];

export function NewNotebook() {
  const namespace = useNamespace();
  const navigate = useNavigate();
  const machine = useMachine();
  const known = useMany(CLAIM, namespace).items.map((claim) => claim.metadata.name);
  const configurations = useMany(POD_DEFAULT, namespace).items;
  const [form, setForm] = useState(blank);
  const [tried, setTried] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<KubeError | null>(null);
  const wrong = problems(form, machine);
  const told = tried ? wrong : { ...wrong, name: undefined, custom: undefined };
  const set = (change: Partial<Form>) => setForm({ ...form, ...change });

  async function submit() {
    setTried(true);
    if (!sound(wrong)) return;
    setBusy(true);
    setError(null);
    try {
      await make(form, namespace, configurations);
      notify(`Notebook ${form.name} is starting`);
      void navigate({ to: "/$namespace/notebooks/$name", params: { namespace, name: form.name } });
    } catch (problem) {
      setError(KubeError.of(problem));
      setBusy(false);
    }
  }

  return (
    <Page
      title="New notebook server"
      crumbs={
        <Link to="/$namespace/notebooks" params={{ namespace }}>
          Notebooks
        </Link>
      }
    >
      <form
        className="notebook-form"
        onSubmit={(e) => {
          e.preventDefault();
          void submit();
        }}
      >
        <TextField label="Name" value={form.name} error={told.name} autoFocus autoComplete="off" onChange={(name) => set({ name })} />
        <ImageFields form={form} set={set} error={told.custom} />
        <HardwareFields form={form} set={set} told={told} machine={machine} />
        <fieldset>
          <legend>Workspace volume</legend>
          <VolumeFields
            form={{ ...form.workspace, name: workspaceName(form) }}
            known={known}
            error={told.workspace}
            onChange={(workspace) => set({ workspace: { ...workspace, name: workspace.name === workspaceName(form) ? form.workspace.name : workspace.name } })}
          />
        </fieldset>
        <DataVolumes form={form} known={known} errors={wrong.data} onChange={(data) => set({ data })} />
        <Configurations all={configurations} chosen={form.configurations} onChange={(chosen) => set({ configurations: chosen })} />
        <CheckField label="Shared memory (a /dev/shm of the notebook's own)" checked={form.sharedMemory} onChange={(sharedMemory) => set({ sharedMemory })} />
        <details className="more">
          <summary>More: when it stops by itself, where it may run</summary>
          <div className="form-row">
            <TextField label="Stop when idle for" value={form.idle} error={wrong.idle} inputMode="numeric" placeholder="the platform's time" hint="Minutes; 0: never. Volumes stay." onChange={(idle) => set({ idle })} />
            <TextField label="Only on nodes with" value={form.nodes} error={wrong.nodes} placeholder="any" hint="Labels: disk=ssd, zone=a" onChange={(nodes) => set({ nodes })} />
            <TextField label="Tolerates" value={form.tolerations} error={wrong.tolerations} placeholder="no taints" hint="Taints: dedicated=gpu:NoSchedule" onChange={(tolerations) => set({ tolerations })} />
          </div>
        </details>
        {error ? <Problem error={error} /> : null}
        <footer className="form-foot">
          <Button look="primary" type="submit" disabled={busy}>
            Launch
          </Button>
          <Link to="/$namespace/notebooks" params={{ namespace }} className="button button-plain">
            Cancel
          </Link>
        </footer>
      </form>
    </Page>
  );
}

/** First all of it without effect, so that no claim is left of a notebook that is refused. */
async function make(form: Form, namespace: string, all: PodDefault[]): Promise<void> {
  const chosen = all.filter((each) => form.configurations.includes(each.metadata.name));
  const labels = Object.assign({}, ...chosen.map((each) => each.spec.selector?.matchLabels ?? {})) as Record<string, string>;
  const accounts = await get<Listed<KubeObject>>(collection(ACCOUNT, namespace, { fields: `metadata.name=${EDITOR}` }));
  const { claims, notebook } = documents(form, { namespace, labels, editor: accounts.items.length > 0 });
  const steps = [...claims.map((claim) => ({ path: collection(CLAIM, namespace), body: claim as unknown })), { path: collection(NOTEBOOK, namespace), body: notebook }];
  for (const { path, body } of steps) await create(`${path}?dryRun=All`, body);
  for (const { path, body } of steps) await create(path, body);
}

interface Part {
  form: Form;
  set: (change: Partial<Form>) => void;
}

function ImageFields({ form, set, error }: Part & { error: string | undefined }) {
  const type = TYPES.find((each) => GROUPS[each] === form.type) ?? "JupyterLab";
  const offered = IMAGES[form.type].map((value) => ({ value, label: shortImage(value) }));
  return (
    <fieldset>
      <legend>Image</legend>
      <p>
        <Segments label="Type of server" options={TYPES} value={type} onChange={(each) => set({ type: GROUPS[each], image: IMAGES[GROUPS[each]][0] ?? "" })} />
      </p>
      <SelectField label="Image" value={form.image} options={[...offered, { value: "", label: "another image …" }]} onChange={(image) => set({ image })} />
      {form.image ? null : (
        <div className="form-row">
          <TextField label="Custom image" value={form.custom} error={error} placeholder="registry/name:tag" onChange={(custom) => set({ custom })} />
          <SelectField
            label="Pull policy"
            value={form.policy}
            options={["IfNotPresent", "Always", "Never"].map((value) => ({ value }))}
            onChange={(policy) => set({ policy })}
          />
        </div>
      )}
    </fieldset>
  );
}

interface Told {
  cpu?: string | undefined;
  memory?: string | undefined;
  gpus?: string | undefined;
}

function HardwareFields({ form, set, told, machine }: Part & { told: Told; machine: Machine | undefined }) {
  return (
    <fieldset>
      <legend>Hardware</legend>
      <p className="notebook-free number">{machine ? freeNow(machine) : "\u00a0"}</p>
      <div className="form-row">
        <TextField label="CPU" value={form.cpu} error={told.cpu} onChange={(cpu) => set({ cpu })} />
        <TextField label="CPU, at most" value={form.cpuLimit} placeholder="1.2 × as much" onChange={(cpuLimit) => set({ cpuLimit })} />
        <TextField label="Memory" value={form.memory} error={told.memory} onChange={(memory) => set({ memory })} />
        <TextField label="Memory, at most" value={form.memoryLimit} placeholder="1.2 × as much" onChange={(memoryLimit) => set({ memoryLimit })} />
      </div>
      <div className="form-row">
        <SelectField
          label="GPUs"
          value={form.gpus}
          error={told.gpus}
          options={GPUS.map((value) => ({ value, label: value === "0" ? "none" : value }))}
          onChange={(gpus) => set({ gpus })}
        />
        <SelectField label="GPU vendor" value={form.vendor} options={VENDORS} onChange={(vendor) => set({ vendor })} />
      </div>
    </fieldset>
  );
}

function freeNow({ cpu, memory, devices }: Machine): string {
  const gpus = devices.map(({ name, share }) => `${free(share)} of ${share.all} ${name}`);
  return `Free now: ${[`${free(cpu)} of ${cpu.all} cores`, `${free(memory, bytes)} of ${bytes(memory.all)}`, ...gpus].join(", ")}.${gpus.length ? "" : " This machine has no GPU."}`;
}

function Configurations(props: { all: PodDefault[]; chosen: string[]; onChange: (chosen: string[]) => void }) {
  const { all, chosen, onChange } = props;
  if (all.length === 0) return null;
  return (
    <fieldset>
      <legend>Configurations</legend>
      {all.map(({ metadata: { name }, spec }) => (
        <CheckField
          key={name}
          label={spec.desc || name}
          checked={chosen.includes(name)}
          onChange={(on) => onChange(on ? [...chosen, name] : chosen.filter((each) => each !== name))}
        />
      ))}
    </fieldset>
  );
}
