/** The drawing: nodes are moved and joined with the mouse; all that it means is written into the document at once. */

import "@xyflow/react/dist/style.css";
import { Background, MiniMap, type Node, type NodeChange, ReactFlow, SelectionMode, applyNodeChanges } from "@xyflow/react";
import { useEffect, useMemo, useState } from "react";
import { useDark } from "../../app/theme";
import type { Component, End, Place } from "../model";
import { type Studio, useStudioHere } from "../studio";
import { NoteNode } from "./NoteNode";
import { StepNode } from "./StepNode";
import { useDropping } from "./dropping";
import { type Shown, flowEdge, flowNodes, measuredAsBefore } from "./flow";
import { moved } from "./moving";
import { usePlaces } from "./seating";
import { type Asked, useWiring } from "./wiring";

const TYPES = { step: StepNode, note: NoteNode };
const MANY = 8;

interface Props extends Shown {
  setPlaces: (places: ReadonlyMap<string, Place>) => void;
  /** A line ended where there is a choice. */
  onAsk: (asked: Asked) => void;
  onJoin: (from: End, to: End) => void;
  onAdd: (component: Component, at: Place) => void;
}

export function Canvas(props: Props) {
  const { places } = props;
  const studio = useStudioHere();
  const { graph, select } = studio;
  const dark = useDark();
  usePlaces(places, props.setPlaces);
  const [nodes, onNodesChange] = useFlowNodes(studio, props);
  const edges = useMemo(() => graph.edges.map((edge) => flowEdge(edge, studio.selection.edge)), [graph.edges, studio.selection.edge]);
  const wiring = useWiring(props.onJoin, props.onAsk);
  const dropping = useDropping(props.onAdd);
  return (
    <ReactFlow
      nodes={nodes}
      edges={edges}
      nodeTypes={TYPES}
      onNodesChange={onNodesChange}
      onNodeDragStop={(_, __, dragged) => moved(studio, places, dragged)}
      onSelectionDragStop={(_, dragged) => moved(studio, places, dragged)}
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
      {graph.nodes.length > MANY ? <MiniMap pannable zoomable ariaLabel="Overview of the drawing" /> : null}
    </ReactFlow>
  );
}

function enter({ graph, open }: Studio, id: string): void {
  const opens = graph.nodes.find((each) => each.id === id)?.opens;
  if (opens) open(opens);
}

/** xyflow's own nodes: while one drags they go ahead of the document. */
function useFlowNodes(studio: Studio, { places, statuses, findings }: Shown): [Node[], (changes: NodeChange[]) => void] {
  const { graph, selection, select } = studio;
  // biome-ignore lint/correctness/useExhaustiveDependencies: the studio is new at each render, what is read of it is named
  const wanted = useMemo(() => flowNodes(studio, { places, statuses, findings }), [graph, selection.nodes, places, statuses, findings]);
  const [nodes, setNodes] = useState<Node[]>([]);
  useEffect(() => setNodes((old) => measuredAsBefore(wanted, old)), [wanted]);
  return [
    nodes,
    (changes) => {
      setNodes((now) => applyNodeChanges(changes, now));
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
