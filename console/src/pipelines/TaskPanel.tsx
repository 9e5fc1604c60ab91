/** One task of a run: its log, what went in and out, its artifacts as they look, the program that ran. */

import * as paths from "../api/paths";
import { POD, useOne } from "../api/resources";
import type { NodeStatus, Parameter, Workflow } from "../api/types";
import { Events } from "../objects/Events";
import { Facts } from "../ui/Facts";
import { Mark } from "../ui/Mark";
import { type Tab, Tabs } from "../ui/Tabs";
import { Duration } from "../ui/time";
import { Logs } from "../workflows/Logs";
import { NodeActions } from "../workflows/NodeActions";
import { ThingCard } from "./ThingView";
import { type Thing, madeBy, told, usedBy } from "./things";

interface Props {
  workflow: Workflow;
  node: NodeStatus;
  things: Thing[];
  archived: boolean;
  tab: string | undefined;
  container: string | undefined;
  onTab: (tab: string) => void;
  onContainer: (container: string) => void;
  onTask: (id: string) => void;
}

export function TaskPanel({ workflow, node, things, archived, tab, container, onTab, onContainer, onTask }: Props) {
  const { namespace = "", name } = workflow.metadata;
  const cached = node.memoizationStatus?.hit ?? false;
  const pod = node.type === "Pod" && !cached;
  const made = madeBy(things, node);
  const tabs: Tab[] = [
    ...(pod ? [{ value: "log", label: "Log", content: <Logs workflow={workflow} node={node} container={container} onContainer={onContainer} /> }] : []),
    { value: "data", label: "Inputs and outputs", content: <InAndOut node={node} things={things} onTask={onTask} /> },
    ...(made.length ? [{ value: "artifacts", label: "Artifacts", content: made.map((one) => <ThingCard key={one.artifact_id} thing={one} level={3} onTask={onTask} />) }] : []),
    ...(pod && !archived ? [{ value: "events", label: "Events", content: <Events namespace={namespace} kind="Pod" name={paths.podName(name, node)} /> }] : []),
    { value: "about", label: "Details", content: <Details workflow={workflow} node={node} pod={pod && !archived} /> },
  ];
  return (
    <aside className="panel task-panel" aria-label={`Task ${node.displayName}`}>
      <header className="panel-head">
        <h2>{node.displayName}</h2>
        {archived ? null : <NodeActions workflow={workflow} node={node} />}
      </header>
      <p className="facts">
        <Mark phase={node.phase} /> <Duration from={node.startedAt} to={node.finishedAt} />
        {cached ? <span className="tag">from the cache</span> : null}
      </p>
      {node.message && node.phase !== "Succeeded" ? <p className="problem">{node.message}</p> : null}
      <Tabs key={node.id} label="About this task" tabs={tabs} value={tab} onChange={onTab} />
    </aside>
  );
}

function InAndOut({ node, things, onTask }: { node: NodeStatus; things: Thing[]; onTask: (id: string) => void }) {
  return (
    <>
      <Side title="Inputs" parameters={node.inputs?.parameters} artifacts={usedBy(things, node)} onTask={onTask} />
      <Side title="Outputs" parameters={node.outputs?.parameters} artifacts={madeBy(things, node)} onTask={onTask} />
    </>
  );
}

function Side(props: { title: string; parameters: Parameter[] | undefined; artifacts: Thing[]; onTask: (id: string) => void }) {
  const { title, parameters = [], artifacts, onTask } = props;
  const plain = parameters.filter((p) => !told(p.value).length);
  return (
    <>
      <h3>{title}</h3>
      {plain.length || artifacts.length ? null : <p className="dim">none</p>}
      <Facts
        rows={[
          ...plain.map((p): [string, React.ReactNode] => [p.name, p.value === "" || p.value === undefined ? <span key={p.name} className="dim">empty</span> : <span key={p.name} className="mono">{String(p.value)}</span>]),
          ...artifacts.map((one): [string, React.ReactNode] => [one.name, <Short key={one.artifact_id} thing={one} title={title} onTask={onTask} />]),
        ]}
      />
    </>
  );
}

function Short({ thing, title, onTask }: { thing: Thing; title: string; onTask: (id: string) => void }) {
  const { by } = thing;
  return (
    <>
      <span className="tag untied">{thing.type}</span>
      {title === "Inputs" && by ? (
        <>
          {" "}
          of{" "}
          <button type="button" className="link" onClick={() => onTask(by.id)}>
            {by.name}
          </button>
        </>
      ) : null}
    </>
  );
}

interface Running {
  spec: { containers: { name: string; image?: string; command?: string[]; args?: string[]; env?: { name: string; value?: string }[]; volumeMounts?: { name: string; mountPath: string }[] }[] };
  status?: { containerStatuses?: { name: string; state?: { terminated?: { exitCode?: number; reason?: string } } }[] };
}

/** The program as it ran: what upstream's pages do not tell. */
function Details({ workflow, node, pod }: { workflow: Workflow; node: NodeStatus; pod: boolean }) {
  const name = paths.podName(workflow.metadata.name, node);
  const found = useOne(POD, workflow.metadata.namespace ?? "", pod ? name : "").item as unknown as Running | undefined;
  const main = found?.spec.containers.find((c) => c.name === "main") ?? found?.spec.containers[0];
  const ended = found?.status?.containerStatuses?.find((c) => c.name === main?.name)?.state?.terminated;
  const command = [...(main?.command ?? []), ...(main?.args ?? [])];
  return (
    <>
      <Facts
        rows={[
          ["Task", node.name.split(".").slice(1).join(" / ") || node.name],
          ["Kind", node.type],
          ["Pod", pod ? name : ""],
          ["Image", main?.image ? <span key="image" className="mono">{main.image}</span> : ""],
          ["Exit code", ended?.exitCode === undefined ? node.outputs?.exitCode : `${ended.exitCode}${ended.reason ? ` (${ended.reason})` : ""}`],
          ["Volumes", main?.volumeMounts?.map((one) => <div key={one.mountPath}>{one.name} <span className="dim">at</span> <span className="mono">{one.mountPath}</span></div>)],
          ["Began", node.startedAt && new Date(node.startedAt).toLocaleString()],
          ["Ended", node.finishedAt && new Date(node.finishedAt).toLocaleString()],
          ["Cache", node.memoizationStatus ? `${node.memoizationStatus.hit ? "taken from before" : "kept for next time"}: ${node.memoizationStatus.key}` : "not used"],
        ]}
      />
      {command.length ? (
        <>
          <h3>Command</h3>
          <pre className="artifact-text" tabIndex={0} role="region" aria-label="Command">
            {command.join("\n")}
          </pre>
        </>
      ) : null}
      {main?.env?.length ? (
        <>
          <h3>Environment</h3>
          <Facts rows={main.env.map((one): [string, React.ReactNode] => [one.name, <span key={one.name} className="mono">{one.value ?? "from elsewhere"}</span>])} />
        </>
      ) : null}
    </>
  );
}
