import { Tabs } from "radix-ui";
import type { InOut, NodeStatus, Parameter, Workflow } from "../api/types";
import { Mark } from "../ui/Mark";
import { Duration } from "../ui/time";
import { Approve } from "./Approve";
import { Logs } from "./Logs";

/** Everything about one step: what went in, what came out, what it said. */
export function NodePanel({ workflow, node }: { workflow: Workflow; node: NodeStatus }) {
  const waits = node.type === "Suspend" && node.phase === "Running";
  const hasLog = node.type === "Pod" && !node.memoizationStatus?.hit;
  return (
    <aside className="panel" aria-label={`Step ${node.displayName}`}>
      <h2>{node.displayName}</h2>
      <p className="facts">
        <Mark phase={node.phase} /> <Duration from={node.startedAt} to={node.finishedAt} />
        <span className="dim">{node.templateRef?.template ?? node.templateName ?? node.type}</span>
      </p>
      {node.message ? <p className="problem">{node.message}</p> : null}
      {waits ? <Approve workflow={workflow} node={node} /> : null}
      <Tabs.Root key={node.id} defaultValue={hasLog ? "log" : "data"} className="tabs">
        <Tabs.List aria-label="About this step">
          {hasLog ? <Tabs.Trigger value="log">Log</Tabs.Trigger> : null}
          <Tabs.Trigger value="data">Inputs and outputs</Tabs.Trigger>
        </Tabs.List>
        {hasLog ? (
          <Tabs.Content value="log" className="tab">
            <Logs workflow={workflow} node={node} />
          </Tabs.Content>
        ) : null}
        <Tabs.Content value="data" className="tab">
          <Side title="Inputs" data={node.inputs} />
          <Side title="Outputs" data={node.outputs} />
        </Tabs.Content>
      </Tabs.Root>
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
      <dl>
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
