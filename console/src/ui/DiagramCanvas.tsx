/** Load it through `Diagram`. */

import "@xyflow/react/dist/style.css";
import { Background, Controls, Handle, MarkerType, type Node, type NodeProps, Position, ReactFlow, ReactFlowProvider, useReactFlow } from "@xyflow/react";
import ELK from "elkjs/lib/elk-api.js";
import workerUrl from "elkjs/lib/elk-worker.min.js?url";
import type { LucideIcon } from "lucide-react";
import { useEffect, useMemo, useState } from "react";
import { useDark } from "../app/theme";

export interface DiagramBox {
  id: string;
  title: string;
  detail?: string;
  Icon?: LucideIcon;
  /** `var(--share-0)` and the like: what kind of thing it is. */
  colour?: string;
}

export interface DiagramArrow {
  from: string;
  to: string;
  label?: string;
}

export interface Props {
  label: string;
  boxes: DiagramBox[];
  arrows: DiagramArrow[];
  selected?: string | undefined;
  onSelect?: (id: string) => void;
}

type BoxNode = Node<{ box: DiagramBox }, "box">;
type Places = Map<string, { x: number; y: number }>;

const SIZE = { width: 208, height: 50 };
const GAP = { along: 64, across: 20, labelled: 130 };
const TYPES = { box: BoxView };
const HANDLES = [
  { type: "target" as const, position: Position.Left, x: 0, y: SIZE.height / 2, width: 1, height: 1 },
  { type: "source" as const, position: Position.Right, x: SIZE.width, y: SIZE.height / 2, width: 1, height: 1 },
];

const elk = new ELK({ workerUrl });

async function place(boxes: DiagramBox[], arrows: DiagramArrow[]): Promise<Places> {
  const along = arrows.some((a) => a.label) ? GAP.labelled : GAP.along;
  const found = await elk.layout({
    id: "root",
    layoutOptions: {
      "elk.algorithm": "layered",
      "elk.direction": "RIGHT",
      "elk.spacing.nodeNode": String(GAP.across),
      "elk.layered.spacing.nodeNodeBetweenLayers": String(along),
      "elk.layered.considerModelOrder.strategy": "NODES_AND_EDGES",
    },
    children: boxes.map(({ id }) => ({ id, ...SIZE })),
    edges: arrows.map((a) => ({ id: `${a.from}→${a.to}`, sources: [a.from], targets: [a.to] })),
  });
  return new Map((found.children ?? []).map((c) => [c.id, { x: c.x ?? 0, y: c.y ?? 0 }]));
}

export function DiagramCanvas(props: Props) {
  return (
    <ReactFlowProvider>
      <Canvas {...props} />
    </ReactFlowProvider>
  );
}

function Canvas({ boxes, arrows, selected, onSelect }: Props) {
  const [places, setPlaces] = useState<Places>(new Map());
  const shape = useMemo(() => JSON.stringify([boxes.map((b) => b.id), arrows.map((a) => [a.from, a.to])]), [boxes, arrows]);
  const flow = useReactFlow();
  const dark = useDark();
  // biome-ignore lint/correctness/useExhaustiveDependencies: the shape stands for what matters of boxes and arrows
  useEffect(() => {
    let current = true;
    void place(boxes, arrows).then((found) => {
      if (!current) return;
      setPlaces(found);
      requestAnimationFrame(() => void flow.fitView({ padding: 0.12, maxZoom: 1 }));
    });
    return () => {
      current = false;
    };
  }, [shape, flow]);
  const nodes: BoxNode[] = boxes
    .filter((box) => places.has(box.id))
    .map((box) => ({
      id: box.id,
      type: "box",
      position: places.get(box.id) ?? { x: 0, y: 0 },
      data: { box },
      selected: box.id === selected,
      ...SIZE,
      measured: SIZE,
      handles: HANDLES,
      ariaLabel: [box.title, box.detail].filter(Boolean).join(": "),
    }));
  const edges = arrows.map(({ from, to, label }) => ({
    id: `${from}→${to}→${label ?? ""}`,
    source: from,
    target: to,
    markerEnd: { type: MarkerType.ArrowClosed },
    ...(label ? { label } : {}),
  }));
  return (
    <ReactFlow
      nodes={nodes}
      edges={edges}
      nodeTypes={TYPES}
      onNodeClick={(_, node) => onSelect?.(node.id)}
      onNodesChange={(changes) => {
        for (const c of changes) if (c.type === "select" && c.selected && c.id !== selected) onSelect?.(c.id);
      }}
      nodesDraggable={false}
      nodesConnectable={false}
      edgesFocusable={false}
      minZoom={0.1}
      proOptions={{ hideAttribution: true }}
      colorMode={dark ? "dark" : "light"}
    >
      <Background gap={22} />
      <Controls showInteractive={false} />
    </ReactFlow>
  );
}

function BoxView({ data: { box }, selected }: NodeProps<BoxNode>) {
  const { title, detail, Icon, colour } = box;
  return (
    <div className={selected ? "diagram-box diagram-selected" : "diagram-box"} title={title} style={{ ["--kind" as string]: colour ?? "var(--dim)" }}>
      <Handle type="target" position={Position.Left} isConnectable={false} />
      {Icon ? <Icon size={17} aria-hidden className="diagram-icon" /> : null}
      <span className="diagram-text">
        <span className="diagram-title">{title}</span>
        {detail ? <span className="diagram-detail">{detail}</span> : null}
      </span>
      <Handle type="source" position={Position.Right} isConnectable={false} />
    </div>
  );
}
