/** The drawing: nodes are moved and joined with the mouse; all that it means is written into the document at once. */

import "@xyflow/react/dist/style.css";
import {
  Background,
  type Connection,
  type Edge,
  MiniMap,
  type Node,
  type OnConnectEnd,
  ReactFlow,
  SelectionMode,
  applyNodeChanges,
  useReactFlow,
} from "@xyflow/react";
import { type DragEvent, useCallback, useEffect, useMemo, useRef, useState } from "react";
import type { NodeStatus } from "../../api/types";
import { useDark } from "../../app/theme";
import { complain } from "../../ui/toasts";
import { move, setNotes } from "../document/layout";
import { type Start, candidates, verdict } from "../fitting";
import type { Component, End, Finding, GraphEdge, Note, Place } from "../model";
import { colour } from "../ports/fit";
import { useStudioHere } from "../studio";
import { NoteNode } from "./NoteNode";
import { type StepFlowNode, StepNode } from "./StepNode";
import { arrange, seat } from "./place";
import { portOf, side, size } from "./rows";

const TYPES = { step: StepNode, note: NoteNode };
/** Everything, as long as it can be read. */
export const FIT = { padding: 0.08, maxZoom: 1, minZoom: 0.55 };
const NOTE = "note ";
/** What the palette hands over when it is dragged from. */
export const DRAGGED = "application/x-pinnace-component";

export interface Asked {
  start: Start;
  at: { x: number; y: number };
  /** Where a new node would lie. */
  place: Place;
  /** The node that the line was dropped on. */
  onto?: string;
}

interface Props {
  places: ReadonlyMap<string, Place>;
  setPlaces: (places: ReadonlyMap<string, Place>) => void;
  statuses: ReadonlyMap<string, NodeStatus>;
  findings: ReadonlyMap<string, Finding[]>;
  /** A line ended where there is a choice. */
  onAsk: (asked: Asked) => void;
  onAdd: (component: Component, at: Place) => void;
}

export function Canvas(props: Props) {
  const { places, statuses, findings, onAsk, onAdd } = props;
  const studio = useStudioHere();
  const { graph, selection, select, change, scope, components, language } = studio;
  const flow = useReactFlow();
  const dark = useDark();
  usePlaces(props);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the studio is new at each render, what is read of it is named
  const wanted = useMemo(
    () => flowNodes(studio, places, statuses, findings),
    [graph, selection.nodes, places, statuses, findings],
  );
  const [nodes, setNodes] = useState<Node[]>([]);
  useEffect(() => setNodes((old) => measuredAsBefore(wanted, old)), [wanted]);
  const edges = useMemo(() => graph.edges.map((edge) => flowEdge(edge, selection.edge)), [graph.edges, selection.edge]);

  const onConnect = useCallback(
    ({ source, sourceHandle, target, targetHandle }: Connection) => {
      const from = { node: source, port: portOf(sourceHandle) };
      const to = { node: target, port: portOf(targetHandle) };
      const kind = kindOf(graph, from, to);
      change(`Connect ${from.node} to ${to.node}`, (doc) => language?.connect(doc, scope, from, to, kind));
    },
    [change, graph, language, scope],
  );

  const onConnectEnd: OnConnectEnd = (event, state) => {
    if (state.isValid || !state.fromHandle) return;
    const start: Start = { node: state.fromHandle.nodeId, port: portOf(state.fromHandle.id), side: state.fromHandle.type === "source" ? "outputs" : "inputs" };
    const at = "changedTouches" in event ? pointOf(event.changedTouches[0]) : pointOf(event);
    const hit = document.elementFromPoint(at.x, at.y)?.closest<HTMLElement>(".react-flow__node");
    const place = flow.screenToFlowPosition(at);
    if (!hit) {
      if (start.node && document.elementFromPoint(at.x, at.y)?.closest(".react-flow")) onAsk({ start, at, place });
      return;
    }
    const onto = hit.dataset.id ?? "";
    if (onto === start.node) return;
    if (state.toHandle && state.toHandle.nodeId !== start.node) return refuse(start, { node: state.toHandle.nodeId, port: portOf(state.toHandle.id) });
    const ways = candidates(graph, start, onto);
    if (ways.length === 1 && ways[0]) join(start, ways[0].end);
    else if (ways.length > 1) onAsk({ start, at, place, onto });
    else refuse(start, { node: onto, port: "" });
  };

  function refuse(start: Start, end: End): void {
    const found = start.side === "outputs" ? verdict(graph, start, end) : verdict(graph, end, start);
    complain(new Error(found.reason ?? "Nothing of this step fits"));
  }

  function join(start: Start, end: End): void {
    const [from, to] = start.side === "outputs" ? [start, end] : [end, start];
    onConnect({ source: from.node, sourceHandle: side.output + from.port, target: to.node, targetHandle: side.input + to.port });
  }

  function onDrop(event: DragEvent): void {
    const key = event.dataTransfer.getData(DRAGGED);
    const component = components.find((each) => each.key === key);
    if (!component) return;
    event.preventDefault();
    const at = flow.screenToFlowPosition({ x: event.clientX, y: event.clientY });
    onAdd(component, { x: at.x - 110, y: at.y - 23 });
  }

  return (
    <ReactFlow
      nodes={nodes}
      edges={edges}
      nodeTypes={TYPES}
      onNodesChange={(changes) => {
        setNodes((now) => applyNodeChanges(changes, now));
        const chosen = changes.filter((each) => each.type === "select");
        if (chosen.length === 0) return;
        const now = new Set(selection.nodes);
        for (const each of chosen) each.selected ? now.add(each.id) : now.delete(each.id);
        select(now);
      }}
      onNodeDragStop={(_, __, dragged) => moved(studio, places, dragged)}
      onSelectionDragStop={(_, dragged) => moved(studio, places, dragged)}
      onEdgeClick={(_, edge) => select([], edge.id)}
      onPaneClick={() => select([])}
      onNodeDoubleClick={(_, node) => {
        const opens = graph.nodes.find((each) => each.id === node.id)?.opens;
        if (opens) studio.open(opens);
      }}
      onConnect={onConnect}
      onConnectEnd={onConnectEnd}
      isValidConnection={({ source, sourceHandle, target, targetHandle }) =>
        verdict(graph, { node: source, port: portOf(sourceHandle) }, { node: target, port: portOf(targetHandle) }).fits
      }
      onDrop={onDrop}
      onDragOver={(event) => {
        event.preventDefault();
        event.dataTransfer.dropEffect = "copy";
      }}
      nodesFocusable={false}
      edgesFocusable={false}
      disableKeyboardA11y
      deleteKeyCode={null}
      selectionKeyCode="Shift"
      multiSelectionKeyCode={["Control", "Meta", "Shift"]}
      selectionMode={SelectionMode.Partial}
      connectionRadius={18}
      autoPanSpeed={5}
      minZoom={0.1}
      maxZoom={2}
      zoomOnDoubleClick={false}
      snapToGrid
      snapGrid={[10, 10]}
      proOptions={{ hideAttribution: true }}
      colorMode={dark ? "dark" : "light"}
    >
      <Background gap={20} />
      {graph.nodes.length > 8 ? <MiniMap pannable zoomable ariaLabel="Overview of the drawing" /> : null}
    </ReactFlow>
  );
}

function pointOf(event: { clientX: number; clientY: number } | undefined): { x: number; y: number } {
  return { x: event?.clientX ?? 0, y: event?.clientY ?? 0 };
}

function kindOf(graph: ReturnType<typeof useStudioHere>["graph"], from: End, to: End) {
  const port = graph.nodes.find((each) => each.id === from.node)?.ports.outputs.find((each) => each.name === from.port);
  return port && to.port ? port.kind : "order";
}

/** Places of what has none: all by elk when nothing was ever placed, newcomers beside what they follow. */
function usePlaces({ places, setPlaces }: Props): void {
  const { graph, scope, at } = useStudioHere();
  const flow = useReactFlow();
  const shown = useRef("");
  // biome-ignore lint/correctness/useExhaustiveDependencies: places follow the graph, not themselves
  useEffect(() => {
    let current = true;
    const told = graph.places;
    const known = shown.current === `${at} ${scope}` ? new Map([...places, ...told]) : told;
    const lost = graph.nodes.filter((each) => !known.has(each.id));
    const fresh = shown.current !== `${at} ${scope}`;
    const settle = (found: ReadonlyMap<string, Place>, fit: boolean) => {
      if (!current) return;
      shown.current = `${at} ${scope}`;
      setPlaces(found);
      if (fit) requestAnimationFrame(() => requestAnimationFrame(() => void flow.fitView(FIT)));
    };
    if (lost.length === graph.nodes.length && graph.nodes.length > 1) void arrange(graph).then((found) => settle(found, true));
    else settle(seat(graph, new Map([...known].filter(([id]) => graph.nodes.some((each) => each.id === id)))), fresh && graph.nodes.length > 0);
    return () => {
      current = false;
    };
  }, [graph, scope, at, flow, setPlaces]);
}

function flowNodes(
  { graph, selection, change, scope, open }: ReturnType<typeof useStudioHere>,
  places: ReadonlyMap<string, Place>,
  statuses: ReadonlyMap<string, NodeStatus>,
  findings: ReadonlyMap<string, Finding[]>,
): Node[] {
  const steps = graph.nodes.flatMap((step): StepFlowNode[] => {
    const position = places.get(step.id);
    if (!position) return [];
    const status = statuses.get(step.id);
    return [
      {
        id: step.id,
        type: "step",
        position,
        ...size(graph, step),
        selected: selection.nodes.has(step.id),
        ariaLabel: status ? `${step.id}: ${status.phase || "Pending"}` : `${step.id}, ${step.detail}`,
        data: { step, graph, status, faults: findings.get(step.id)?.length ?? 0, onOpen: open },
      },
    ];
  });
  const write = (notes: Note[], label: string) => change(label, (doc) => setNotes(doc, scope, notes));
  const notes = graph.notes.map((note) => ({
    id: NOTE + note.id,
    type: "note",
    position: note.place,
    selected: selection.nodes.has(NOTE + note.id),
    ariaLabel: "Note",
    data: { text: note.text, onText: (text: string) => write(graph.notes.map((each) => (each.id === note.id ? { ...each, text } : each)), "Write a note") },
  }));
  return [...steps, ...notes];
}

/** What xyflow has measured stays measured: edges do not blink. */
function measuredAsBefore(wanted: Node[], old: Node[]): Node[] {
  const known = new Map(old.map((each) => [each.id, each]));
  return wanted.map((each) => {
    const measured = known.get(each.id)?.measured;
    return measured ? { ...each, measured } : each;
  });
}

function flowEdge(edge: GraphEdge, chosen: string | null): Edge {
  return {
    id: edge.id,
    source: edge.from.node,
    target: edge.to.node,
    sourceHandle: side.output + edge.from.port,
    targetHandle: side.input + edge.to.port,
    selected: edge.id === chosen,
    interactionWidth: 18,
    className: edge.kind === "order" ? "edge edge-order" : `edge edge-${colour(edge.type ?? "any")}`,
    ...(edge.label ? { label: edge.label } : {}),
  };
}

/** One gesture writes the places of all that it moved; the first one those of the whole drawing, which were found by elk. */
function moved({ graph, change, scope }: ReturnType<typeof useStudioHere>, places: ReadonlyMap<string, Place>, dragged: Node[]): void {
  const steps = dragged.filter((each) => !each.id.startsWith(NOTE));
  const notes = new Map(dragged.filter((each) => each.id.startsWith(NOTE)).map((each) => [each.id.slice(NOTE.length), each.position]));
  if (steps.every((each) => same(places.get(each.id), each.position)) && notes.size === 0) return;
  change("Move", (doc) => {
    if (steps.length) move(doc, scope, new Map([...places, ...steps.map((each): [string, Place] => [each.id, each.position])]));
    if (notes.size) setNotes(doc, scope, graph.notes.map((each) => ({ ...each, place: notes.get(each.id) ?? each.place })));
  });
}

function same(a: Place | undefined, b: Place): boolean {
  return a !== undefined && Math.round(a.x) === Math.round(b.x) && Math.round(a.y) === Math.round(b.y);
}
