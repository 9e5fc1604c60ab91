import type { InOut, NodeStatus, Parameter, Workflow } from "../api/types";
import { Mark } from "../ui/Mark";
import { Tabs } from "../ui/Tabs";
import { Duration } from "../ui/time";
import { Approve } from "./Approve";
import { Logs } from "./Logs";

/** Everything about one step: what went in, what came out, what it said. */
export function NodePanel({ workflow, node }: { workflow: Workflow; node: NodeStatus }) {
  const waits = node.type === "Suspend" && node.phase === "Running";
  const hasLog = node.type === "Pod" && !node.memoizationStatus?.hit;
  const log = { value: "log", label: "Log", content: <Logs workflow={workflow} node={node} /> };
  const data = {
    value: "data",
    label: "Inputs and outputs",
    content: (
      <>
        <Side title="Inputs" data={node.inputs} />
        <Side title="Outputs" data={node.outputs} />
      </>
    ),
  };
  return (
    <aside className="panel" aria-label={`Step ${node.displayName}`}>
      <h2>{node.displayName}</h2>
      <p className="facts">
        <Mark phase={node.phase} /> <Duration from={node.startedAt} to={node.finishedAt} />
        <span className="dim">{node.templateRef?.template ?? node.templateName ?? node.type}</span>
      </p>
      {node.message ? <p className="problem">{node.message}</p> : null}
      {waits ? <Approve workflow={workflow} node={node} /> : null}
      <Tabs key={node.id} label="About this step" tabs={hasLog ? [log, data] : [data]} />
    </aside>
  );
}

function Side({ title, data }: { title: string; data: InOut | undefined }) {
  const rows: [string, string][] = [
    ...(data?.parameters ?? []).map((p): [string, string] => [p.name, text(p)]),
    ...(data?.artifacts ?? []).map((a): [string, string] => [a.name, a.s3?.key ?? a.path ?? "artifact"]),
  ];
  if (data?.result !== undefined) rows.push(["result", data.result]);
  if (data?.exitCode !== undefined) rows.push(["exit code", data.exitCode]);
  return (
    <>
      <h3>{title}</h3>
      {rows.length === 0 ? <p className="dim">none</p> : null}
      <dl className="io">
        {rows.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value === "" ? <span className="dim">empty</span> : value}</dd>
          </div>
        ))}
      </dl>
    </>
  );
}

function text(parameter: Parameter): string {
  if (parameter.value === undefined) return parameter.valueFrom?.supplied ? "to be supplied" : "";
  return typeof parameter.value === "string" ? parameter.value : JSON.stringify(parameter.value);
}
