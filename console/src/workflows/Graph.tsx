import "@xyflow/react/dist/style.css";
import {
  Background,
  Controls,
  Handle,
  type Node,
  type NodeHandle,
  type NodeProps,
  Position,
  ReactFlow,
  ReactFlowProvider,
  useReactFlow,
  useStore,
} from "@xyflow/react";
import { useEffect, useMemo, useState } from "react";
import type { NodeStatus } from "../api/types";
import { useDark } from "../app/theme";
import { Mark, word } from "../ui/Mark";
import { BOX, type Box, type Direction, direction, picture, place } from "./graph";

type BoxNode = Node<{ box: Box; towards: Direction }, "box">;
const TYPES = { box: BoxView };

interface Props {
  nodes: Map<string, NodeStatus>;
  selected: string | undefined;
  onSelect: (id: string) => void;
}

export function Graph(props: Props) {
  return (
    <ReactFlowProvider>
      <Canvas {...props} />
    </ReactFlowProvider>
  );
}

/** The layout is computed again only when the shape changes, not when a state does. */
function Canvas({ nodes, selected, onSelect }: Props) {
  const drawn = useMemo(() => picture(nodes), [nodes]);
  const shape = useMemo(
    () => JSON.stringify([drawn.boxes.map((b) => b.id), drawn.edges.map((e) => [e.from, e.to])]),
    [drawn],
  );
  const [places, setPlaces] = useState(new Map<string, { x: number; y: number }>());
  const dark = useDark();
  const flow = useReactFlow();
  const width = useStore((s) => s.width);
  const height = useStore((s) => s.height);
  const towards = direction(drawn, width || 640, height || 720);
  useEffect(() => {
    let current = true;
    void place(drawn, towards).then((found) => {
      if (!current) return;
      setPlaces(found);
      requestAnimationFrame(() => void flow.fitView({ padding: 0.15, maxZoom: 1.1 }));
    });
    return () => {
      current = false;
    };
    // biome-ignore lint: the shape stands for what matters of `drawn`
  }, [shape, towards]);
  const flowNodes: BoxNode[] = drawn.boxes
    .filter((box) => places.has(box.id))
    .map((box) => ({
      id: box.id,
      type: "box",
      position: places.get(box.id) ?? { x: 0, y: 0 },
      data: { box, towards },
      selected: box.id === selected,
      width: BOX.width,
      height: BOX.height,
      // Said and not measured: an edge must not wait for a measurement that a new state of a box takes away.
      measured: BOX,
      handles: handles(towards),
      ariaLabel: `${box.label}: ${word(box.phase)}`,
    }));
  const edges = drawn.edges.map((e) => ({ id: `${e.from}→${e.to}`, source: e.from, target: e.to }));
  return (
    <ReactFlow
      nodes={flowNodes}
      edges={edges}
      nodeTypes={TYPES}
      onNodeClick={(_, node) => onSelect(node.id)}
      onNodesChange={(changes) => {
        for (const c of changes) if (c.type === "select" && c.selected && c.id !== selected) onSelect(c.id);
      }}
      nodesDraggable={false}
      nodesConnectable={false}
      minZoom={0.1}
      proOptions={{ hideAttribution: true }}
      colorMode={dark ? "dark" : "light"}
    >
      <Background gap={22} />
      <Controls showInteractive={false} />
    </ReactFlow>
  );
}

function handles(towards: Direction): NodeHandle[] {
  const { width, height } = BOX;
  return towards === "DOWN"
    ? [
        { type: "target", position: Position.Top, x: width / 2, y: 0, width: 1, height: 1 },
        { type: "source", position: Position.Bottom, x: width / 2, y: height, width: 1, height: 1 },
      ]
    : [
        { type: "target", position: Position.Left, x: 0, y: height / 2, width: 1, height: 1 },
        { type: "source", position: Position.Right, x: width, y: height / 2, width: 1, height: 1 },
      ];
}

function BoxView({ data: { box, towards }, selected }: NodeProps<BoxNode>) {
  const waits = box.node?.type === "Suspend" && box.phase === "Running";
  const state = waits ? "waits" : word(box.phase).toLowerCase();
  return (
    <div className={`box box-${state}${selected ? " box-selected" : ""}`} title={box.node?.message ?? box.label}>
      <Handle type="target" position={towards === "DOWN" ? Position.Top : Position.Left} isConnectable={false} />
      <Mark phase={box.phase} label={false} />
      <span className="box-text">
        <span className="box-label">{box.label}</span>
        <span className="box-detail">{detail(box, waits)}</span>
      </span>
      <Handle type="source" position={towards === "DOWN" ? Position.Bottom : Position.Right} isConnectable={false} />
    </div>
  );
}

function detail(box: Box, waits: boolean): string {
  if (waits) return "waits for approval";
  if (box.counts) return [...box.counts].map(([phase, n]) => `${n} ${phase.toLowerCase()}`).join(", ");
  if (box.node?.memoizationStatus?.hit) return "unchanged, taken from before";
  return box.node?.templateName ?? box.node?.templateRef?.template ?? box.node?.type ?? "";
}
