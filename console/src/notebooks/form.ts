/**
 * The form of a new server and the documents that it makes: claims and a Notebook, as upstream's web application
 * writes them (kubeflow/kubeflow components/crud-web-apps/jupyter: names, factors, labels, paths).
 */

import type { Machine } from "../api/machine";
import { bytes, quantity, short } from "../objects/quantity";
import { CULLED, type Container, type NotebookObject, SERVER_TYPE, type Volume } from "./kinds";

export type Storage = "new" | "existing" | "none";

export interface VolumeForm {
  storage: Storage;
  name: string;
  size: string;
  mode: string;
  path: string;
}

export interface Form {
  name: string;
  type: "jupyter" | "group-one" | "group-two";
  image: string;
  custom: string;
  policy: string;
  cpu: string;
  cpuLimit: string;
  memory: string;
  memoryLimit: string;
  gpus: string;
  vendor: string;
  workspace: VolumeForm;
  data: VolumeForm[];
  /** Names of PodDefaults. */
  configurations: string[];
  sharedMemory: boolean;
  /** Labels of nodes on which alone it may run, `disk=ssd, zone=a`; empty: any. */
  nodes: string;
  /** Minutes without use after which it is stopped; empty: as the platform says, 0: never. */
  idle: string;
  /** Taints that it bears, `dedicated=gpu:NoSchedule`; with commas. */
  tolerations: string;
}

const SERVERS = "ghcr.io/kubeflow/kubeflow/notebook-servers";

export const IMAGES: Record<Form["type"], string[]> = {
  jupyter: [
    `${SERVERS}/jupyter-scipy:v1.10.0`,
    `${SERVERS}/jupyter-pytorch-full:v1.10.0`,
    `${SERVERS}/jupyter-tensorflow-full:v1.10.0`,
    `${SERVERS}/jupyter:v1.10.0`,
  ],
  "group-one": [`${SERVERS}/codeserver-python:v1.10.0`],
  "group-two": [`${SERVERS}/rstudio-tidyverse:v1.10.0`],
};

export const VENDORS = [
  { value: "nvidia.com/gpu", label: "NVIDIA" },
  { value: "amd.com/gpu", label: "AMD" },
  { value: "habana.ai/gaudi", label: "Intel Gaudi" },
];

export const MODES = ["ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany"];
const HOME = "/home/jovyan";
const FACTOR = 1.2;
const NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const LONGEST = 63;

export function blank(): Form {
  return {
    name: "", type: "jupyter", image: IMAGES.jupyter[0] ?? "", custom: "", policy: "IfNotPresent",
    cpu: "0.5", cpuLimit: "", memory: "1Gi", memoryLimit: "", gpus: "0", vendor: "nvidia.com/gpu",
    workspace: { storage: "new", name: "", size: "5Gi", mode: "ReadWriteOnce", path: HOME },
    data: [], configurations: [], sharedMemory: true, nodes: "", idle: "", tolerations: "",
  };
}

/** What the workspace is called while nobody has named it. */
export function workspaceName(form: Form): string {
  return form.workspace.name || `${form.name || "{name}"}-workspace`;
}

export function another(form: Form): VolumeForm {
  const n = form.data.length + 1;
  return { storage: "new", name: `${form.name || "notebook"}-data-${n}`, size: "5Gi", mode: "ReadWriteOnce", path: `${HOME}/data-${n}` };
}

export type Problems = Partial<Record<"name" | "custom" | "cpu" | "memory" | "gpus" | "workspace" | "nodes" | "tolerations" | "idle", string>> & { data: (string | undefined)[] };

export function problems(form: Form, machine: Machine | undefined): Problems {
  return {
    ...problem("name", named(form.name)),
    ...problem("custom", form.image || form.custom.trim() ? undefined : "name an image"),
    ...problem("cpu", amount(form.cpu)),
    ...problem("memory", amount(form.memory) ?? tooMuch(form.memory, machine)),
    ...problem("gpus", noDevice(form, machine)),
    ...problem("workspace", volume(form.workspace, workspaceName(form))),
    ...problem("idle", /^\d*$/.test(form.idle) ? undefined : "minutes, or 0 for never"),
    ...problem("nodes", listed(form.nodes).every((one) => LABEL.test(one)) ? undefined : "labels as name=value, with commas"),
    ...problem("tolerations", listed(form.tolerations).every((one) => TAINT.test(one)) ? undefined : "taints as name=value:NoSchedule, with commas"),
    data: form.data.map((each) => volume(each, each.name)),
  };
}

const LABEL = /^[\w./-]+=[\w.-]*$/;
const TAINT = /^([\w./-]+)(?:=([\w.-]+))?(?::(NoSchedule|PreferNoSchedule|NoExecute))?$/;

function listed(text: string): string[] {
  return text.split(",").map((one) => one.trim()).filter(Boolean);
}

/** Where it may run, as upstream's form writes affinity and tolerations into the pod. */
export function scheduling({ nodes, tolerations }: Pick<Form, "nodes" | "tolerations">): object {
  const matchExpressions = listed(nodes).map((one) => {
    const [key = "", value = ""] = one.split("=");
    return { key, operator: "In", values: [value] };
  });
  const borne = listed(tolerations).flatMap((one) => {
    const [, key = "", value, effect] = TAINT.exec(one) ?? [];
    return key ? [{ key, ...(value ? { operator: "Equal", value } : { operator: "Exists" }), ...(effect ? { effect } : {}) }] : [];
  });
  return {
    ...(matchExpressions.length ? { affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions }] } } } } : {}),
    ...(borne.length ? { tolerations: borne } : {}),
  };
}

export function sound({ data, ...rest }: Problems): boolean {
  return Object.keys(rest).length === 0 && data.every((each) => each === undefined);
}

function problem<K extends string>(key: K, says: string | undefined): Partial<Record<K, string>> {
  return says ? ({ [key]: says } as Partial<Record<K, string>>) : {};
}

function named(name: string): string | undefined {
  if (!name) return "a notebook needs a name";
  if (name.length > LONGEST) return `at most ${LONGEST} characters`;
  return NAME.test(name) ? undefined : "lower case letters, digits and '-', beginning and ending with a letter or digit";
}

function amount(text: string): string | undefined {
  const value = quantity(text);
  return value === undefined || value <= 0 ? `'${text}' is no amount: write 0.5, 500m or 2 for cores, 512Mi or 4Gi for memory` : undefined;
}

function tooMuch(memory: string, machine: Machine | undefined): string | undefined {
  const wanted = quantity(memory) ?? 0;
  if (!machine || wanted <= machine.memory.all) return undefined;
  return `this machine has ${bytes(machine.memory.all)}, ${free(machine.memory, bytes)} free`;
}

function noDevice(form: Form, machine: Machine | undefined): string | undefined {
  const wanted = Number(form.gpus);
  if (!machine || wanted === 0) return undefined;
  const found = machine.devices.find((each) => each.name === form.vendor)?.share;
  const left = (found?.all ?? 0) - (found?.used ?? 0);
  if (!found) return `this machine has no ${form.vendor}`;
  return left < wanted ? `${left} of ${found.all} ${form.vendor} are free` : undefined;
}

export function free(share: { used: number | undefined; all: number }, show: (value: number) => string = short): string {
  return show(Math.max(0, share.all - (share.used ?? 0)));
}

function volume(form: VolumeForm, name: string): string | undefined {
  if (form.storage === "none") return undefined;
  if (!name || !NAME.test(name)) return name.startsWith("{") ? undefined : `'${name}' is no name of a volume`;
  if (!form.path.startsWith("/")) return "a mount path begins with /";
  return form.storage === "new" ? amount(form.size) : undefined;
}

export interface Claim {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace: string };
  spec: { accessModes: string[]; resources: { requests: { storage: string } } };
}

/** Upstream's account of notebooks, which Profiles make in their namespaces. */
export const EDITOR = "default-editor";

export interface Given {
  namespace: string;
  /** What the chosen configurations select by. */
  labels: Record<string, string>;
  /** The namespace has the account EDITOR. */
  editor: boolean;
}

export function documents(form: Form, given: Given): { claims: Claim[]; notebook: unknown } {
  const volumes = placed(form);
  const fresh = volumes.filter((each) => each.storage === "new");
  return { claims: fresh.map((each) => claim(each, given.namespace)), notebook: notebook(form, given, volumes) };
}

function placed(form: Form): VolumeForm[] {
  const all = [{ ...form.workspace, name: workspaceName(form) }, ...form.data];
  return all.filter((each) => each.storage !== "none");
}

function claim({ name, size, mode }: VolumeForm, namespace: string): Claim {
  return {
    apiVersion: "v1", kind: "PersistentVolumeClaim", metadata: { name, namespace },
    spec: { accessModes: [mode], resources: { requests: { storage: size } } },
  };
}

function notebook(form: Form, { namespace, labels, editor }: Given, mounted: VolumeForm[]): unknown {
  const volumes: Volume[] = mounted.map(({ name }) => ({ name, persistentVolumeClaim: { claimName: name } }));
  const mounts = mounted.map(({ name, path }) => ({ name, mountPath: path }));
  if (form.sharedMemory) {
    volumes.push({ name: "dshm", emptyDir: { medium: "Memory" } });
    mounts.push({ name: "dshm", mountPath: "/dev/shm" });
  }
  const container: Container = {
    name: form.name,
    image: form.image || form.custom.trim(),
    imagePullPolicy: form.policy,
    resources: resources(form),
    volumeMounts: mounts,
  };
  const made: Pick<NotebookObject, "apiVersion" | "kind" | "spec"> & { metadata: object } = {
    apiVersion: "kubeflow.org/v1",
    kind: "Notebook",
    metadata: { name: form.name, namespace, labels: { app: form.name, ...labels }, annotations: annotations(form) },
    spec: { template: { spec: { ...(editor ? { serviceAccountName: EDITOR } : {}), containers: [container], volumes, ...scheduling(form) } } },
  };
  return made;
}

function annotations({ type, idle }: Form): Record<string, string> {
  const rooted = { "notebooks.kubeflow.org/http-rewrite-uri": "/" };
  return { [SERVER_TYPE]: type, ...(type === "jupyter" ? {} : rooted), ...(idle ? { [CULLED]: idle } : {}) };
}

function resources(form: Form): NonNullable<Container["resources"]> {
  const gpus = Number(form.gpus) > 0 ? { [form.vendor]: form.gpus } : {};
  return {
    requests: { cpu: form.cpu, memory: form.memory },
    limits: {
      cpu: form.cpuLimit || String(round((quantity(form.cpu) ?? 0) * FACTOR)),
      memory: form.memoryLimit || limit(form.memory),
      ...gpus,
    },
  };
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}

/** In the unit in which it was asked for, as upstream's form does. */
function limit(memory: string): string {
  const [, digits = "", unit = ""] = /^([\d.]+)(.*)$/.exec(memory.trim()) ?? [];
  return digits && unit ? `${round(Number(digits) * FACTOR)}${unit}` : String(Math.ceil((quantity(memory) ?? 0) * FACTOR));
}
