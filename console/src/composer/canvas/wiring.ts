/** Lines drawn by hand, and ends of lines moved: where one ends it joins, asks, or says why it does not fit. */

import { type Connection, type Edge, type IsValidConnection, type OnConnectEnd, useReactFlow } from "@xyflow/react";
import { useRef } from "react";
import { complain } from "../../ui/toasts";
import { type Start, between, candidates, verdict } from "../fitting";
import type { End, GraphEdge, Place } from "../model";
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

export interface Joining {
  join(from: End, to: End): void;
  /** An edge ends, or begins, elsewhere. */
  rejoin(edge: GraphEdge, from: End, to: End): void;
  /** A line ended where there is a choice. */
  ask(asked: Asked): void;
}

interface Wiring {
  onConnect: (made: Connection) => void;
  onConnectEnd: OnConnectEnd;
  onReconnectStart: (event: unknown, edge: Edge) => void;
  onReconnect: (old: Edge, made: Connection) => void;
  onReconnectEnd: () => void;
  isValidConnection: IsValidConnection;
}

export function useWiring({ join, rejoin, ask }: Joining): Wiring {
  const { graph } = useStudioHere();
  const flow = useReactFlow();
  /** The edge whose end is in the hand. */
  const held = useRef<GraphEdge | null>(null);
  const edgeOf = (id: string) => graph.edges.find((each) => each.id === id) ?? null;

  function tie(from: End, to: End): void {
    if (held.current) rejoin(held.current, from, to);
    else join(from, to);
  }

  /** On a node beside its ports: the only one that fits, or a question. */
  function onto(start: Start, id: string, at: Asked["at"]): void {
    const ways = candidates(graph, start, id);
    const only = held.current ? ways.filter(({ end }) => end.port || !start.port) : ways;
    const [first] = only;
    if (only.length > 1 && !held.current) ask({ start, at, place: flow.screenToFlowPosition(at), onto: id });
    else if (!first) refuse(between(graph, start, { node: id, port: "" }).reason);
    else if (start.side === "outputs") tie(start, first.end);
    else tie(first.end, start);
  }

  /** Not on a port that fits. */
  function astray(start: Start, at: Asked["at"], port: End | null): void {
    const under = document.elementFromPoint(at.x, at.y);
    const id = under?.closest<HTMLElement>(".react-flow__node")?.dataset.id;
    if (id === start.node) return;
    if (id !== undefined && port && port.node !== start.node) refuse(between(graph, start, port).reason);
    else if (id !== undefined) onto(start, id, at);
    else if (under?.closest(".react-flow") && !held.current) ask({ start, at, place: flow.screenToFlowPosition(at) });
  }

  const onConnectEnd: OnConnectEnd = (event, { isValid, fromHandle, toHandle }) => {
    if (isValid || !fromHandle) return;
    const start: Start = { node: fromHandle.nodeId, port: portOf(fromHandle.id), side: fromHandle.type === "source" ? "outputs" : "inputs" };
    const at = pointOf("changedTouches" in event ? event.changedTouches[0] : event);
    astray(start, at, toHandle ? { node: toHandle.nodeId, port: portOf(toHandle.id) } : null);
  };

  return {
    onConnect: (made) => join(...ends(made)),
    onConnectEnd,
    onReconnectStart: (_, edge) => {
      held.current = edgeOf(edge.id);
    },
    onReconnect: (old, made) => {
      const edge = edgeOf(old.id);
      if (edge) rejoin(edge, ...ends(made));
    },
    onReconnectEnd: () => {
      held.current = null;
    },
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
