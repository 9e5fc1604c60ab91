/** The drawing: nodes are moved and joined with the mouse; all that it means is written into the document at once. */

import "@xyflow/react/dist/style.css";
import { Background, MiniMap, type Node, type NodeChange, ReactFlow, SelectionMode, applyNodeChanges } from "@xyflow/react";
import { useEffect, useMemo, useState } from "react";
import { useDark } from "../../app/theme";
import type { Component, Place } from "../model";
import { type Studio, useStudioHere } from "../studio";
import { NoteNode } from "./NoteNode";
import { StepNode } from "./StepNode";
import { Guides } from "./Guides";
import { useDropping } from "./dropping";
import { type Shown, flowEdge, flowNodes, measuredAsBefore } from "./flow";
import { type Moving, useMoving } from "./moving";
import { usePlaces } from "./seating";
import { type Joining, useWiring } from "./wiring";

const TYPES = { step: StepNode, note: NoteNode };
const MANY = 8;
const OVERVIEW = { width: 168, height: 112 };

interface Props extends Shown {
  setPlaces: (places: ReadonlyMap<string, Place>) => void;
  /** Edges that the request took which is shown. */
  taken: ReadonlySet<string>;
  joining: Joining;
  /** `into`: the edge that it was dropped on. */
  onAdd: (component: Component, at: Place, into: string | null) => void;
  /** A step without lines was laid on an edge. */
  onSplice: (id: string, edge: string) => void;
}

export function Canvas(props: Props) {
  const { places } = props;
  const studio = useStudioHere();
  const { graph, select } = studio;
  const dark = useDark();
  usePlaces(places, props.setPlaces);
  const { guides, over: draggedOver, steer, ...moves } = useMoving(places, props.onSplice);
  const [dropping, droppedOver] = useDropping(props.onAdd);
  const [nodes, onNodesChange] = useFlowNodes(studio, props, steer);
  const over = droppedOver ?? draggedOver;
  const edges = useMemo(() => graph.edges.map((edge) => flowEdge(edge, studio.selection.edge, over, props.taken)), [graph.edges, studio.selection.edge, over, props.taken]);
  const wiring = useWiring(props.joining);
  return (
    <ReactFlow
      nodes={nodes}
      edges={edges}
      nodeTypes={TYPES}
      onNodesChange={onNodesChange}
      {...moves}
      onNodeClick={(event, node) => event.shiftKey || event.ctrlKey || event.metaKey || select([node.id])}
      onEdgeClick={(_, edge) => select([], edge.id)}
      onPaneClick={() => select([])}
      onNodeDoubleClick={(_, node) => enter(studio, node.id)}
      {...wiring}
      {...dropping}
      nodesFocusable={false}
      edgesFocusable={false}
      disableKeyboardA11y
      deleteKeyCode={null}
      selectionKeyCode="Shift"
      multiSelectionKeyCode={["Control", "Meta", "Shift"]}
      selectionMode={SelectionMode.Partial}
      connectionRadius={18}
      reconnectRadius={12}
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
      <Guides guides={guides} />
      {graph.nodes.length > MANY ? <MiniMap pannable zoomable style={OVERVIEW} nodeClassName={stateOf} nodeBorderRadius={12} ariaLabel="Overview of the drawing" /> : null}
    </ReactFlow>
  );
}

/** In the overview a step has the colour of its state in the run. */
function stateOf({ type, data }: Node): string {
  if (type === "note") return "mini-note";
  const phase = (data as { status?: { phase?: string } }).status?.phase;
  return phase ? `mini-${phase.toLowerCase()}` : "";
}

function enter({ graph, open }: Studio, id: string): void {
  const opens = graph.nodes.find((each) => each.id === id)?.opens;
  if (opens) open(opens);
}

/** xyflow's own nodes: while one drags they go ahead of the document. */
function useFlowNodes(studio: Studio, { places, statuses, findings }: Shown, steer: Moving["steer"]): [Node[], (changes: NodeChange[]) => void] {
  const { graph, selection, select } = studio;
  // biome-ignore lint/correctness/useExhaustiveDependencies: the studio is new at each render, what is read of it is named
  const wanted = useMemo(() => flowNodes(studio, { places, statuses, findings }), [graph, selection.nodes, places, statuses, findings]);
  const [nodes, setNodes] = useState<Node[]>([]);
  useEffect(() => setNodes((old) => measuredAsBefore(wanted, old)), [wanted]);
  return [
    nodes,
    (changes) => {
      const steered = steer(changes, nodes);
      setNodes((now) => applyNodeChanges(steered, now));
      const chosen = chosenBy(selection.nodes, changes);
      if (chosen) select(chosen);
    },
  ];
}

function chosenBy(old: ReadonlySet<string>, changes: readonly NodeChange[]): Set<string> | null {
  const told = changes.flatMap((each) => (each.type === "select" ? [each] : []));
  if (told.length === 0) return null;
  const now = new Set(old);
  for (const each of told) each.selected ? now.add(each.id) : now.delete(each.id);
  return now;
}
