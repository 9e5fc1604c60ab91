/** A node on the canvas: what it is, its ports, what is special about it, and in a run how it goes. */

import { Handle, type Node, type NodeProps, Position, useConnection } from "@xyflow/react";
import { Archive, CircleHelp, Filter, FastForward, type LucideIcon, Maximize2, Repeat, RotateCcw, Split, Webhook } from "lucide-react";
import { memo } from "react";
import type { NodeStatus } from "../../api/types";
import { Mark } from "../../ui/Mark";
import { Duration } from "../../ui/time";
import { type Start, between } from "../fitting";
import { Picture } from "../icons";
import type { Badge, Graph, GraphNode, Port } from "../model";
import { colour, titled } from "../ports/fit";
import { portOf, rows, side } from "./rows";

export interface StepData extends Record<string, unknown> {
  step: GraphNode;
  graph: Graph;
  status: NodeStatus | undefined;
  faults: number;
  onOpen: (scope: string) => void;
}

export type StepFlowNode = Node<StepData, "step">;

const BADGES: Record<Badge["icon"], LucideIcon> = { loop: Repeat, when: Filter, retry: RotateCcw, hook: Webhook, cache: Archive, split: Split, anyway: FastForward };

export const StepNode = memo(function StepNode({ data: { step, graph, status, faults, onOpen }, selected }: NodeProps<StepFlowNode>) {
  const { inputs, outputs } = rows(graph, step);
  const fit = useFit(graph, step.id, "", "both");
  const state = status ? (status.phase || "Pending").toLowerCase() : "";
  return (
    <div className={`step ${step.border ? "step-border" : ""} ${selected ? "step-selected" : ""} ${faults ? "step-faulty" : ""} ${state ? `step-${state}` : ""} ${fit.look}`} title={fit.reason}>
      <header>
        {step.border === "inputs" || step.border === "outside" ? null : <OrderHandle type="target" />}
        <span className="step-icon">{status ? <Mark phase={status.phase} label={false} /> : <Picture name={step.icon} />}</span>
        <span className="step-text">
          <span className="step-title">{step.title}</span>
          <span className="step-detail">{status ? <Running status={status} /> : step.detail}</span>
        </span>
        <Badges badges={step.badges} />
        {step.opens ? (
          <button type="button" className="step-open nodrag" aria-label={`Open ${step.title}`} title={`Open ${step.title}`} onClick={() => onOpen(step.opens ?? "")}>
            <Maximize2 size={13} aria-hidden />
          </button>
        ) : null}
        {step.unknown ? <CircleHelp size={14} aria-label="not there" className="tone-bad" /> : null}
        {step.border === "outputs" || step.border === "outside" ? null : <OrderHandle type="source" />}
      </header>
      {inputs.length + outputs.length > 0 ? (
        <div className="ports">
          <ul>{inputs.map((port) => <PortRow key={port.name} graph={graph} step={step} port={port} inward />)}</ul>
          <ul>{outputs.map((port) => <PortRow key={port.name} graph={graph} step={step} port={port} inward={false} />)}</ul>
        </div>
      ) : null}
    </div>
  );
});

function Running({ status }: { status: NodeStatus }) {
  if (status.said !== undefined) return <>{status.said}</>;
  if (status.memoizationStatus?.hit) return <>taken from before</>;
  if (!status.startedAt) return <>{status.phase || "Pending"}</>;
  return (
    <>
      {status.phase || "Pending"} · <Duration from={status.startedAt} to={status.finishedAt} />
    </>
  );
}

function Badges({ badges }: { badges: Badge[] }) {
  return (
    <>
      {badges.map(({ icon, text }) => {
        const Icon = BADGES[icon];
        return (
          <span key={text} className="step-badge" title={text} role="img" aria-label={text}>
            <Icon size={12} aria-hidden />
          </span>
        );
      })}
    </>
  );
}

function OrderHandle({ type }: { type: "source" | "target" }) {
  const at = type === "target" ? Position.Left : Position.Right;
  return <Handle type={type} id={type === "target" ? side.input : side.output} position={at} className="handle handle-order" />;
}

function PortRow({ graph, step, port, inward }: { graph: Graph; step: GraphNode; port: Port; inward: boolean }) {
  const fit = useFit(graph, step.id, port.name, inward ? "inputs" : "outputs");
  const wired = graph.edges.some((each) => (inward ? each.to.node === step.id && each.to.port === port.name : each.from.node === step.id && each.from.port === port.name));
  const open = inward && port.required && !wired && !step.given?.has(port.name);
  const says = fit.reason ?? `${port.title ?? port.name}: ${port.types.map(titled).join(" or ")}${port.description ? `. ${port.description}` : ""}`;
  return (
    <li className={`port ${fit.look}`} title={says}>
      <Handle
        type={inward ? "target" : "source"}
        id={(inward ? side.input : side.output) + port.name}
        position={inward ? Position.Left : Position.Right}
        className={`handle port-${colour(port.types[0] ?? "any")} ${port.kind === "parameter" ? "handle-parameter" : ""} ${open ? "handle-open" : ""}`}
      />
      {port.title ?? port.name}
    </li>
  );
}

interface Fit {
  look: string;
  reason?: string;
}

/** While a line is drawn: whether it may end here. */
function useFit(graph: Graph, node: string, port: string, on: "inputs" | "outputs" | "both"): Fit {
  const key = useConnection((c) => (c.inProgress && c.fromHandle ? `${c.fromHandle.type} ${c.fromHandle.id} ${c.fromHandle.nodeId}` : ""));
  if (!key) return { look: "" };
  const [type = "", handle = "", ...rest] = key.split(" ");
  const start: Start = { side: type === "source" ? "outputs" : "inputs", port: portOf(handle), node: rest.join(" ") };
  if (start.node === node) return { look: "" };
  if (on === start.side) return { look: "dimmed" };
  if (on === "both") return { look: "" };
  const found = between(graph, start, { node, port });
  return found.fits ? { look: "lit" } : { look: "dimmed", reason: found.reason ?? "" };
}
