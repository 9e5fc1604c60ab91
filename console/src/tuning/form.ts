/** A new experiment as a form, and the document that it makes. Pure. */

import type { WorkflowTemplate } from "../api/types";
import type { Assignment, Experiment, ParameterSpec, TrialTemplate } from "./kinds";

export type Kind = ParameterSpec["parameterType"];

export interface ParameterForm {
  name: string;
  type: Kind;
  min: string;
  max: string;
  step: string;
  log: boolean;
  /** With commas. */
  list: string;
}

export interface Form {
  name: string;
  metric: string;
  more: string;
  type: "minimize" | "maximize";
  goal: string;
  algorithm: string;
  settings: Assignment[];
  stopping: string;
  parallel: string;
  most: string;
  failed: string;
  resume: string;
  parameters: ParameterForm[];
  /** `python`, `pytorch`, `experiment/NAME`, `workflow/NAME`. */
  trial: string;
  image: string;
  script: string;
  retain: boolean;
}

/** Names of upstream's algorithms, what each is good for, and the settings it knows. */
export const ALGORITHMS: readonly { name: string; label: string; settings: readonly string[] }[] = [
  { name: "random", label: "random: anywhere, alike", settings: ["random_state"] },
  { name: "grid", label: "grid: every combination", settings: [] },
  { name: "tpe", label: "tpe: where good ones were", settings: ["n_startup_trials", "n_ei_candidates", "gamma", "prior_weight", "random_state"] },
  { name: "multivariate-tpe", label: "multivariate-tpe: as tpe, parameters together", settings: ["n_startup_trials", "n_ei_candidates", "random_state"] },
  { name: "bayesianoptimization", label: "bayesianoptimization: a model of the objective", settings: ["base_estimator", "n_initial_points", "acq_func", "acq_optimizer", "random_state"] },
  { name: "cmaes", label: "cmaes: evolution, two numbers or more", settings: ["sigma", "restart_strategy", "random_state"] },
  { name: "sobol", label: "sobol: evenly spread", settings: [] },
  { name: "hyperband", label: "hyperband: many short, few long", settings: ["r_l", "resource_name", "eta"] },
  { name: "pbt", label: "pbt: a population that learns", settings: ["suggestion_trial_dir", "n_population", "truncation_threshold", "resample_probability"] },
];

const SCRIPT = `import sys

given = dict(argument[2:].split("=", 1) for argument in sys.argv[1:])
x, y = float(given["x"]), float(given["y"])
print(f"loss={(x - 1) ** 2 + (y + 2) ** 2}")
`;

export function parameter(name: string): ParameterForm {
  return { name, type: "double", min: "-3", max: "3", step: "", log: false, list: "" };
}

export function blank(): Form {
  return {
    name: "search", metric: "loss", more: "", type: "minimize", goal: "", algorithm: "tpe", settings: [], stopping: "",
    parallel: "2", most: "12", failed: "3", resume: "LongRunning", parameters: [parameter("x"), parameter("y")],
    trial: "python", image: "python:3.11", script: SCRIPT, retain: true,
  };
}

/** What trials may be made of besides what is written here. */
export interface Known {
  experiments: Experiment[];
  templates: WorkflowTemplate[];
}

export function document(form: Form, known: Known): object {
  const { goal, more, settings, stopping } = form;
  const extra = more.split(",").map((one) => one.trim()).filter(Boolean);
  return {
    apiVersion: "kubeflow.org/v1beta1",
    kind: "Experiment",
    metadata: { name: form.name },
    spec: {
      objective: {
        type: form.type,
        ...(goal.trim() && Number.isFinite(Number(goal)) ? { goal: Number(goal) } : {}),
        objectiveMetricName: form.metric,
        ...(extra.length ? { additionalMetricNames: extra } : {}),
      },
      algorithm: { algorithmName: form.algorithm, ...(settings.some((s) => s.name) ? { algorithmSettings: settings.filter((s) => s.name) } : {}) },
      ...(stopping ? { earlyStopping: { algorithmName: stopping, algorithmSettings: [{ name: "min_trials_required", value: "3" }, { name: "start_step", value: "4" }] } } : {}),
      parallelTrialCount: Number(form.parallel),
      maxTrialCount: Number(form.most),
      maxFailedTrialCount: Math.min(Number(form.failed), Number(form.most)),
      resumePolicy: form.resume,
      parameters: form.parameters.map(space),
      trialTemplate: trial(form, known),
    },
  };
}

function space({ name, type, min, max, step, log, list }: ParameterForm): ParameterSpec {
  if (type === "categorical" || type === "discrete") return { name, parameterType: type, feasibleSpace: { list: items(list) } };
  return { name, parameterType: type, feasibleSpace: { min, max, ...(step ? { step } : {}), ...(log ? { distribution: "logUniform" } : {}) } };
}

function items(list: string): string[] {
  return list.split(",").map((one) => one.trim()).filter(Boolean);
}

function trial(form: Form, known: Known): TrialTemplate {
  const [kind = "", name = ""] = form.trial.split("/");
  const trialParameters = form.parameters.map((p) => ({ name: p.name, reference: p.name }));
  if (kind === "experiment") return known.experiments.find((e) => e.metadata.name === name)?.spec.trialTemplate ?? {};
  if (kind === "workflow") return ofWorkflow(name, trialParameters, form.retain);
  const container = { image: form.image, command: ["python3", "-u", "-c", form.script], args: form.parameters.map((p) => `--${p.name}=\${trialParameters.${p.name}}`) };
  const retain = form.retain ? { retain: true } : {};
  if (kind === "pytorch") return { ...retain, primaryContainerName: "pytorch", trialParameters, trialSpec: pytorch(container) };
  const pod = { spec: { restartPolicy: "Never", containers: [{ name: "main", ...container }] } };
  return { ...retain, primaryContainerName: "main", trialParameters, trialSpec: { apiVersion: "batch/v1", kind: "Job", spec: { template: pod } } };
}

function pytorch(container: object): object {
  const replica = { replicas: 1, restartPolicy: "OnFailure", template: { spec: { containers: [{ name: "pytorch", ...container }] } } };
  return { apiVersion: "kubeflow.org/v1", kind: "PyTorchJob", spec: { pytorchReplicaSpecs: { Master: replica, Worker: structuredClone(replica) } } };
}

const LABEL = { "katib.kubeflow.org/model-training": "true" };

/** Every pod of it is asked for metrics; those that print none are passed over. */
function ofWorkflow(name: string, trialParameters: { name: string; reference: string }[], retain: boolean): TrialTemplate {
  return {
    ...(retain ? { retain: true } : {}),
    primaryPodLabels: LABEL,
    primaryContainerName: "main",
    successCondition: 'status.[@this].#(phase=="Succeeded")#',
    failureCondition: 'status.[@this].#(phase=="Failed")#',
    trialParameters,
    trialSpec: {
      apiVersion: "argoproj.io/v1alpha1",
      kind: "Workflow",
      spec: {
        workflowTemplateRef: { name },
        podMetadata: { labels: LABEL },
        arguments: { parameters: trialParameters.map((p) => ({ name: p.name, value: `\${trialParameters.${p.name}}` })) },
      },
    },
  };
}

export type Faults = Partial<Record<"name" | "metric" | "goal" | "most" | "parallel", string>> & { parameters: (string | undefined)[] };

const NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;

export function faults(form: Form): Faults {
  const found: Faults = { parameters: form.parameters.map((p, i) => wrong(p, form.parameters.slice(0, i))) };
  if (!NAME.test(form.name) || form.name.length > 40) found.name = "lower case letters, digits and '-', at most 40";
  if (!form.metric.trim()) found.metric = "the metric that trials print";
  if (form.goal.trim() && !Number.isFinite(Number(form.goal))) found.goal = "a number, or nothing";
  if (!(Number(form.most) >= 1)) found.most = "1 or more";
  if (!(Number(form.parallel) >= 1) || Number(form.parallel) > Number(form.most)) found.parallel = "1 to as many as there are trials";
  return found;
}

export function sound({ parameters, ...rest }: Faults): boolean {
  return Object.keys(rest).length === 0 && parameters.every((one) => one === undefined);
}

function wrong({ name, type, min, max, log, list }: ParameterForm, before: ParameterForm[]): string | undefined {
  if (!name.trim()) return "it needs a name";
  if (before.some((other) => other.name === name)) return `'${name}' is there twice`;
  if (type === "categorical" || type === "discrete") return items(list).length ? undefined : "list its values, with commas";
  if (min === "" || max === "" || !Number.isFinite(Number(min)) || !Number.isFinite(Number(max))) return "least and greatest are numbers";
  if (Number(min) >= Number(max)) return "the least is below the greatest";
  return log && Number(min) <= 0 ? "orders of magnitude begin above 0" : undefined;
}
