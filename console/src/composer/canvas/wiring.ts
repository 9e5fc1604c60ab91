/** Lines drawn by hand: where one ends it joins, asks, or says why it does not fit. */

import { type Connection, type IsValidConnection, type OnConnectEnd, useReactFlow } from "@xyflow/react";
import { complain } from "../../ui/toasts";
import { type Start, between, candidates, verdict } from "../fitting";
import type { End, Place } from "../model";
import { useStudioHere } from "../studio";
import { portOf } from "./rows";

export interface Asked {
  start: Start;
  at: { x: number; y: number };
  /** Where a new node would lie. */
  place: Place;
  /** The node that the line was dropped on. */
  onto?: string;
}

interface Wiring {
  onConnect: (made: Connection) => void;
  onConnectEnd: OnConnectEnd;
  isValidConnection: IsValidConnection;
}

export function useWiring(onJoin: (from: End, to: End) => void, onAsk: (asked: Asked) => void): Wiring {
  const { graph } = useStudioHere();
  const flow = useReactFlow();

  function join(start: Start, end: End): void {
    if (start.side === "outputs") onJoin(start, end);
    else onJoin(end, start);
  }

  /** On a node beside its ports: the only one that fits, or a question. */
  function onto(start: Start, id: string, at: Asked["at"]): void {
    const ways = candidates(graph, start, id);
    const [only] = ways;
    if (ways.length > 1) onAsk({ start, at, place: flow.screenToFlowPosition(at), onto: id });
    else if (only) join(start, only.end);
    else refuse(between(graph, start, { node: id, port: "" }).reason);
  }

  const onConnectEnd: OnConnectEnd = (event, { isValid, fromHandle, toHandle }) => {
    if (isValid || !fromHandle) return;
    const start: Start = { node: fromHandle.nodeId, port: portOf(fromHandle.id), side: fromHandle.type === "source" ? "outputs" : "inputs" };
    const at = pointOf("changedTouches" in event ? event.changedTouches[0] : event);
    const under = document.elementFromPoint(at.x, at.y);
    const id = under?.closest<HTMLElement>(".react-flow__node")?.dataset.id;
    if (id === undefined) {
      if (under?.closest(".react-flow")) onAsk({ start, at, place: flow.screenToFlowPosition(at) });
    } else if (id === start.node) return;
    else if (toHandle && toHandle.nodeId !== start.node) refuse(between(graph, start, { node: toHandle.nodeId, port: portOf(toHandle.id) }).reason);
    else onto(start, id, at);
  };

  return {
    onConnect: (made) => onJoin(...ends(made)),
    onConnectEnd,
    isValidConnection: (made) => verdict(graph, ...ends(made)).fits,
  };
}

function ends({ source, sourceHandle, target, targetHandle }: Pick<Connection, "source" | "target"> & { sourceHandle?: string | null; targetHandle?: string | null }): [End, End] {
  return [
    { node: source, port: portOf(sourceHandle) },
    { node: target, port: portOf(targetHandle) },
  ];
}

function refuse(reason: string | undefined): void {
  complain(new Error(reason ?? "Nothing of this step fits"));
}

function pointOf(event: { clientX: number; clientY: number } | undefined): { x: number; y: number } {
  return { x: event?.clientX ?? 0, y: event?.clientY ?? 0 };
}
