import * as paths from "../api/paths";
import type { NodeStatus, Workflow } from "../api/types";
import { LogView } from "../logs/LogView";

/** The log of a step's main container, followed live while it runs. */
export function Logs({ workflow, node }: { workflow: Workflow; node: NodeStatus }) {
  const namespace = workflow.metadata.namespace ?? "default";
  const started = Boolean(node.phase && node.phase !== "Pending");
  const path = started ? paths.log(namespace, paths.podName(workflow.metadata.name, node), "main") : null;
  return <LogView path={path} name={`${workflow.metadata.name}-${node.displayName}`} />;
}
