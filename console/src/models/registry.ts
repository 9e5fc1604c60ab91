/** Registered models as the platform's lineage tells them: every version on one screen, whoever said it. */

import { useQuery } from "@tanstack/react-query";
import { type KubeError, get } from "../api/kube";

/** One version; what nobody said is left out. */
export interface Version {
  model: string;
  version: string;
  number: number;
  workspace?: string;
  run?: string;
  description?: string;
  created?: number;
  type?: string;
  hyperparameters?: Record<string, string>;
  training_data?: string[];
  framework?: string;
  uri?: string;
  digest?: string;
  state?: string;
  stage?: string;
  aliases?: string[];
  metrics?: Record<string, number | string>;
  properties?: Record<string, string>;
}

export interface Model {
  name: string;
  /** Newest first. */
  versions: Version[];
}

const EVERY = 5000;

export function useModels(name = "") {
  return useQuery<Model[], KubeError>({
    queryKey: ["models", name],
    queryFn: async ({ signal }) => {
      const found = await get<{ models: Version[] }>(`/pinnace/v1/lineage/models?name=${encodeURIComponent(name)}`, signal);
      return grouped(found.models);
    },
    refetchInterval: EVERY,
    retry: false,
  });
}

export function grouped(versions: Version[]): Model[] {
  const models = new Map<string, Version[]>();
  for (const one of versions) models.set(one.model, [...(models.get(one.model) ?? []), one]);
  return [...models]
    .map(([name, all]) => ({ name, versions: all.toSorted((a, b) => b.number - a.number) }))
    .sort((a, b) => (b.versions[0]?.created ?? 0) - (a.versions[0]?.created ?? 0));
}

/** By its name, else the newest. */
export function chosen(model: Model, version: string | undefined): Version | undefined {
  return model.versions.find((v) => v.version === version) ?? model.versions[0];
}

const FORMATS: [words: RegExp, format: string][] = [
  [/scikit|sklearn/i, "sklearn"],
  [/xgboost/i, "xgboost"],
  [/lightgbm/i, "lightgbm"],
  [/tensorflow|keras/i, "tensorflow"],
  [/torch/i, "pytorch"],
  [/onnx/i, "onnx"],
  [/paddle/i, "paddle"],
  [/pmml/i, "pmml"],
  [/transformers|hugging/i, "huggingface"],
];

/** KServe's name for the framework that made it; empty where nobody can tell. */
export function servingFormat({ framework = "", type = "" }: Version): string {
  return FORMATS.find(([words]) => words.test(framework))?.[1] ?? FORMATS.find(([words]) => words.test(type))?.[1] ?? "";
}

/** A URI below the platform's own repository holds only for its namespace. */
export function home({ uri = "", workspace = "" }: Version, otherwise: string): string {
  return uri.startsWith("s3://artifacts/") && workspace ? workspace : otherwise;
}

export interface Deployment {
  name: string;
  format: string;
  uri: string;
  ids: { model: string; version: string } | null;
}

/** A whole InferenceService; its labels enter it in the registry. */
export function service({ name, format, uri, ids }: Deployment): object {
  const labels = ids
    ? { "modelregistry.kubeflow.org/registered-model-id": ids.model, "modelregistry.kubeflow.org/model-version-id": ids.version }
    : undefined;
  return {
    apiVersion: "serving.kserve.io/v1beta1",
    kind: "InferenceService",
    metadata: { name, ...(labels ? { labels } : {}) },
    spec: { predictor: { model: { modelFormat: { name: format }, storageUri: uri } } },
  };
}

/** The next revision of an endpoint that is there: it begins with `percent`. */
export function revision({ format, uri, ids }: Deployment, percent: number): object {
  const labels = ids ? { "modelregistry.kubeflow.org/model-version-id": ids.version } : {};
  return {
    metadata: { labels },
    spec: { predictor: { canaryTrafficPercent: percent >= 100 ? null : percent, model: { modelFormat: { name: format }, storageUri: uri } } },
  };
}

/** Numbers of a model and its version in the registry, which the serving labels want. */
export async function numbers({ model, version }: Version): Promise<Deployment["ids"]> {
  const base = "/api/model_registry/v1alpha3";
  try {
    const found = await get<{ id: string }>(`${base}/registered_model?name=${encodeURIComponent(model)}`);
    const query = `name=${encodeURIComponent(version)}&parentResourceId=${found.id}`;
    return { model: found.id, version: (await get<{ id: string }>(`${base}/model_version?${query}`)).id };
  } catch {
    return null;
  }
}

export interface Step {
  method: "POST" | "PATCH" | "DELETE";
  path: string;
  body: Record<string, unknown>;
}

export interface Said {
  description: string;
  stage: string;
  aliases: string[];
}

/** The calls that make a version say this: only those that change something. */
export function edits(version: Version, said: Said): Step[] {
  const of = { name: version.model, version: String(version.number) };
  const before = version.aliases ?? [];
  const steps: Step[] = [];
  if (said.description !== (version.description ?? "")) steps.push({ method: "PATCH", path: "model-versions/update", body: { ...of, description: said.description } });
  if (said.stage !== (version.stage ?? "None")) steps.push({ method: "POST", path: "model-versions/transition-stage", body: { ...of, stage: said.stage, archive_existing_versions: false } });
  for (const alias of said.aliases.filter((one) => !before.includes(one))) steps.push({ method: "POST", path: "registered-models/alias", body: { ...of, alias } });
  for (const alias of before.filter((one) => !said.aliases.includes(one))) steps.push({ method: "DELETE", path: "registered-models/alias", body: { name: version.model, alias } });
  return steps;
}

export interface Compared {
  name: string;
  values: string[];
  differs: boolean;
}

/** Versions side by side, fact by fact; what none of them says is left out. */
export function compare(versions: Version[]): [title: string, rows: Compared[]][] {
  const facts = versions.map((v) => ({
    Type: v.type, Framework: v.framework, Stage: v.stage, Aliases: v.aliases?.join(", "), "Training data": v.training_data?.join(", "),
    Description: v.description, Workspace: v.workspace, Run: v.run, Digest: v.digest?.slice(0, 16),
  }));
  return [
    ["About", sides(facts)],
    ["Hyper-parameters", sides(versions.map((v) => v.hyperparameters ?? {}))],
    ["Metrics", sides(versions.map((v) => v.metrics ?? {}))],
  ];
}

function sides(columns: Record<string, string | number | undefined>[]): Compared[] {
  const names = [...new Set(columns.flatMap((column) => Object.keys(column).filter((key) => column[key] !== undefined && column[key] !== "")))];
  return names.map((name) => {
    const values = columns.map((column) => String(column[name] ?? ""));
    return { name, values, differs: new Set(values).size > 1 };
  });
}
