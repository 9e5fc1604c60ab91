import * as paths from "../api/paths";
import { POD, useOne } from "../api/resources";
import type { NodeStatus, Pod, Workflow } from "../api/types";
import { LogView } from "../logs/LogView";

interface Props {
  workflow: Workflow;
  node: NodeStatus;
  container?: string | undefined;
  /** Without it the container is not chosen here. */
  onContainer?: (container: string) => void;
}

/** The log of a step's containers, followed live while it runs. */
export function Logs({ workflow, node, container = "main", onContainer }: Props) {
  const namespace = workflow.metadata.namespace ?? "default";
  const name = paths.podName(workflow.metadata.name, node);
  const pod = useOne(POD, namespace, name).item;
  const offered = containers(pod);
  const chosen = offered.includes(container) ? container : "main";
  const started = Boolean(node.phase && node.phase !== "Pending");
  const path = started ? paths.log(namespace, name, chosen) : null;
  return (
    <div className="step-log">
      {offered.length > 1 && onContainer ? (
        <label className="log-container">
          Container
          <select value={chosen} onChange={(e) => onContainer(e.target.value)}>
            {offered.map((each) => (
              <option key={each}>{each}</option>
            ))}
          </select>
        </label>
      ) : null}
      <LogView key={path} path={path} name={`${workflow.metadata.name}-${node.displayName}`} />
    </div>
  );
}

/** Upstream's own (`init`, `wait`) come last: what they say is rarely asked. */
function containers(pod: Pod | undefined): string[] {
  const spec = pod?.spec as (Pod["spec"] & { initContainers?: { name: string }[] }) | undefined;
  const names = [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])].map((c) => c.name);
  return names.sort((a, b) => rank(a) - rank(b));
}

function rank(name: string): number {
  return name === "main" ? 0 : name === "wait" || name === "init" ? 2 : 1;
}
