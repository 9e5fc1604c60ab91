import type { NodeStatus, Workflow } from "../api/types";
import { Events } from "../objects/Events";
import * as paths from "../api/paths";
import { Facts } from "../ui/Facts";
import { Mark } from "../ui/Mark";
import { type Tab, Tabs } from "../ui/Tabs";
import { Duration, moment } from "../ui/time";
import { Approve } from "./Approve";
import { Artifacts } from "./Artifacts";
import { InsAndOuts } from "./InsAndOuts";
import { Logs } from "./Logs";
import { NodeActions } from "./NodeActions";
import { waits } from "./story";

interface Props {
  workflow: Workflow;
  node: NodeStatus;
  /** The run is gone and comes from the archive: nothing can be done with it. */
  archived?: boolean;
  /** Its message stands above all views already. */
  toldAbove?: boolean;
  /** Which tab and container are open; without `onTab` the panel keeps that to itself. */
  tab?: string | undefined;
  container?: string | undefined;
  onTab?: (tab: string) => void;
  onContainer?: (container: string) => void;
}

/** Everything about one step: what went in, what came out, what it said. */
export function NodePanel({ workflow, node, archived = false, toldAbove = false, tab, container, onTab, onContainer }: Props) {
  const { namespace = "", name } = workflow.metadata;
  const pod = node.type === "Pod" && !node.memoizationStatus?.hit;
  const log = { value: "log", label: "Log", content: <Logs workflow={workflow} node={node} container={container} {...(onContainer ? { onContainer } : {})} /> };
  const data = { value: "data", label: "Inputs and outputs", content: <InsAndOuts node={node} /> };
  const artifacts = { value: "artifacts", label: "Artifacts", content: <Artifacts workflow={workflow} node={node} archived={archived} /> };
  const events = { value: "events", label: "Events", content: <Events namespace={namespace} kind="Pod" name={paths.podName(name, node)} /> };
  const about = { value: "about", label: "About", content: <About node={node} workflow={workflow} /> };
  const tabs: Tab[] = [...(pod ? [log] : []), data, ...(hasArtifacts(node) ? [artifacts] : []), ...(pod && !archived ? [events] : []), about];
  return (
    <aside className="panel" aria-label={`Step ${node.displayName}`}>
      <header className="panel-head">
        <h2>{node.displayName}</h2>
        {archived ? null : <NodeActions workflow={workflow} node={node} />}
      </header>
      <p className="facts">
        <Mark phase={node.phase} /> <Duration from={node.startedAt} to={node.finishedAt} />
        <span className="dim">{node.templateRef?.template ?? node.templateName ?? node.type}</span>
      </p>
      {node.message && !toldAbove ? <p className="problem">{node.message}</p> : null}
      {waits(node) && !archived ? <Approve workflow={workflow} node={node} /> : null}
      <Tabs key={node.id} label="About this step" tabs={tabs} {...(onTab ? { value: tab, onChange: onTab } : {})} />
    </aside>
  );
}

function hasArtifacts({ inputs, outputs }: NodeStatus): boolean {
  return Boolean(inputs?.artifacts?.length || outputs?.artifacts?.length);
}

function About({ node, workflow }: { node: NodeStatus; workflow: Workflow }) {
  const more = node as NodeStatus & { hostNodeName?: string; resourcesDuration?: Record<string, number>; progress?: string };
  const used = Object.entries(more.resourcesDuration ?? {}).map(([what, n]) => `${what} ${n} s`);
  return (
    <Facts
      rows={[
        ["Name", node.name],
        ["Id", <code key="id">{node.id}</code>],
        ["Type", node.type],
        ["Pod", node.type === "Pod" ? paths.podName(workflow.metadata.name, node) : undefined],
        ["Started", node.startedAt && moment(new Date(node.startedAt), true)],
        ["Finished", node.finishedAt && moment(new Date(node.finishedAt), true)],
        ["Progress", more.progress],
        ["Used", used.join(", ")],
        ["Machine", more.hostNodeName],
        ["Memoized", node.memoizationStatus ? `${node.memoizationStatus.hit ? "taken from before" : "kept"} as ${node.memoizationStatus.key}` : undefined],
      ]}
    />
  );
}
