/** A form out of a workflow's arguments, and the run that is made of the answers. */

import type { Parameter, WorkflowTemplate } from "../api/types";

export interface Source {
  kind: "WorkflowTemplate" | "ClusterWorkflowTemplate";
  item: WorkflowTemplate;
}

/** The workflow's own arguments, else what its entrypoint asks for. */
export function asked({ spec }: WorkflowTemplate, entrypoint = spec.entrypoint): Parameter[] {
  const given = spec.arguments?.parameters ?? [];
  if (entrypoint === spec.entrypoint && spec.entrypoint) {
    const inputs = inputsOf(spec, entrypoint);
    const described = new Map(inputs.map((p) => [p.name, p]));
    return given.map((p) => ({ ...pick(described.get(p.name)), ...p }));
  }
  const known = new Map(given.map((p) => [p.name, p]));
  return inputsOf(spec, entrypoint).map((p) => ({ ...p, ...known.get(p.name) }));
}

function inputsOf(spec: WorkflowTemplate["spec"], entrypoint: string | undefined): Parameter[] {
  return spec.templates?.find((t) => t.name === entrypoint)?.inputs?.parameters ?? [];
}

function pick(parameter: Parameter | undefined): Partial<Parameter> {
  const { description, enum: choices } = parameter ?? {};
  return { ...(description ? { description } : {}), ...(choices ? { enum: choices } : {}) };
}

/** What a field begins with. */
export function initial(parameter: Parameter): string {
  const value = parameter.value ?? (parameter as { default?: unknown }).default ?? parameter.valueFrom?.default ?? "";
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** Names of parameters that have no value yet. */
export function missing(parameters: Parameter[], answers: Record<string, string>): string[] {
  return parameters.filter((p) => answers[p.name] === undefined && p.value === undefined && initial(p) === "" && !p.valueFrom).map((p) => p.name);
}

export function runOf(source: Source, entrypoint: string | undefined, answers: Record<string, string>, name: string): object {
  const { metadata, spec } = source.item;
  const values = asked(source.item, entrypoint).map((p) => ({ name: p.name, value: answers[p.name] ?? initial(p) }));
  return {
    apiVersion: "argoproj.io/v1alpha1",
    kind: "Workflow",
    metadata: name ? { name } : { generateName: `${metadata.name}-` },
    spec: {
      ...(entrypoint && entrypoint !== spec.entrypoint ? { entrypoint } : {}),
      ...(values.length ? { arguments: { parameters: values } } : {}),
      workflowTemplateRef: { name: metadata.name, ...(source.kind === "ClusterWorkflowTemplate" ? { clusterScope: true } : {}) },
    },
  };
}
