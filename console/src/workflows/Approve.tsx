import { useId, useState } from "react";
import { KubeError, mergePatch } from "../api/kube";
import * as paths from "../api/paths";
import type { NodeStatus, Parameter, Workflow } from "../api/types";
import { Problem } from "../ui/notes";

/** A suspended step: what it shows, what it asks for, and the yes. The edit is the one that `argo resume` makes. */
export function Approve({ workflow, node }: { workflow: Workflow; node: NodeStatus }) {
  const asked = questions(node, workflow);
  const [values, setValues] = useState<Record<string, string>>({});
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<KubeError | null>(null);
  async function say() {
    setBusy(true);
    setError(null);
    try {
      await mergePatch(
        paths.workflows(workflow.metadata.namespace ?? "default", workflow.metadata.name),
        approval(node, values),
      );
    } catch (problem) {
      setError(KubeError.of(problem));
      setBusy(false);
    }
  }
  return (
    <form
      className="approve"
      onSubmit={(e) => {
        e.preventDefault();
        void say();
      }}
    >
      <h3>This step waits for your approval</h3>
      {(node.inputs?.parameters ?? []).filter((p) => !asked.some((q) => q.name === p.name)).map((p) => (
        <p key={p.name}>
          <strong>{p.name}</strong> {String(p.value ?? "")}
        </p>
      ))}
      {asked.map((p) => (
        <Field key={p.name} parameter={p} value={values[p.name] ?? ""} onChange={(v) => setValues({ ...values, [p.name]: v })} />
      ))}
      {error ? <Problem error={error} /> : null}
      <button type="submit" className="button button-primary" disabled={busy}>
        {busy ? "Approving …" : "Approve"}
      </button>
    </form>
  );
}

/** Outputs that a person supplies; what may be chosen stands at the template's input of the same name. */
export function questions(node: NodeStatus, workflow: Workflow): Parameter[] {
  const templates = workflow.status?.storedWorkflowTemplateSpec?.templates ?? workflow.spec?.templates ?? [];
  const declared = templates.find((t) => t.name === node.templateName)?.inputs?.parameters ?? [];
  const offered = new Map(declared.map((p) => [p.name, p]));
  return (node.outputs?.parameters ?? [])
    .filter((p) => p.valueFrom?.supplied)
    .map((p) => {
      const { enum: choices, description } = offered.get(p.name) ?? {};
      return { ...(choices ? { enum: choices } : {}), ...(description ? { description } : {}), ...p };
    });
}

function Field(props: { parameter: Parameter; value: string; onChange: (value: string) => void }) {
  const { parameter, value, onChange } = props;
  const id = useId();
  return (
    <div className="approve-field">
      <label htmlFor={id}>{parameter.description ?? parameter.name}</label>
      {parameter.enum ? (
        <select id={id} value={value} onChange={(e) => onChange(e.target.value)}>
          <option value="">choose …</option>
          {parameter.enum.map((choice) => (
            <option key={choice}>{choice}</option>
          ))}
        </select>
      ) : (
        <input id={id} value={value} onChange={(e) => onChange(e.target.value)} />
      )}
    </div>
  );
}

export function approval(node: NodeStatus, values: Record<string, string>): unknown {
  const edit: Record<string, unknown> = { phase: "Succeeded", finishedAt: `${new Date().toISOString().slice(0, 19)}Z` };
  const parameters = node.outputs?.parameters;
  if (parameters && Object.keys(values).length > 0)
    edit.outputs = {
      ...node.outputs,
      parameters: parameters.map(({ valueFrom, ...rest }) =>
        values[rest.name] === undefined ? { ...rest, valueFrom } : { ...rest, value: values[rest.name] },
      ),
    };
  return { spec: { suspend: null }, status: { nodes: { [node.id]: edit } } };
}
