/** Load it through `Diagram`. */

import "@xyflow/react/dist/style.css";
import { Background, Controls, Handle, MarkerType, type Node, type NodeProps, Position, ReactFlow, ReactFlowProvider, useReactFlow, useStore } from "@xyflow/react";
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

type BoxNode = Node<{ box: DiagramBox; towards: Towards }, "box">;
type Towards = "RIGHT" | "DOWN";

interface Layout {
  towards: Towards;
  places: Map<string, { x: number; y: number }>;
  width: number;
  height: number;
}

const SIZE = { width: 208, height: 50 };
const GAP = { along: 48, across: 20, labelled: 130 };
/** Smaller than that, titles are hard to read. */
const READABLE = 0.85;
const TYPES = { box: BoxView };
const NOTHING: Layout = { towards: "RIGHT", places: new Map(), width: 1, height: 1 };
const END = { width: 1, height: 1 };
const HANDLES = {
  RIGHT: [
    { type: "target" as const, position: Position.Left, x: 0, y: SIZE.height / 2, ...END },
    { type: "source" as const, position: Position.Right, x: SIZE.width, y: SIZE.height / 2, ...END },
  ],
  DOWN: [
    { type: "target" as const, position: Position.Top, x: SIZE.width / 2, y: 0, ...END },
    { type: "source" as const, position: Position.Bottom, x: SIZE.width / 2, y: SIZE.height, ...END },
  ],
};

const elk = new ELK({ workerUrl });

async function place(boxes: DiagramBox[], arrows: DiagramArrow[], towards: Towards): Promise<Layout> {
  const labelled = towards === "RIGHT" && arrows.some((a) => a.label);
  const found = await elk.layout({
    id: "root",
    layoutOptions: {
      "elk.algorithm": "layered",
      "elk.direction": towards,
      "elk.spacing.nodeNode": String(GAP.across),
      "elk.layered.spacing.nodeNodeBetweenLayers": String(labelled ? GAP.labelled : GAP.along),
      "elk.layered.considerModelOrder.strategy": "NODES_AND_EDGES",
    },
    children: boxes.map(({ id }) => ({ id, ...SIZE })),
    edges: arrows.map((a) => ({ id: `${a.from}→${a.to}`, sources: [a.from], targets: [a.to] })),
  });
  const places = new Map((found.children ?? []).map((c) => [c.id, { x: c.x ?? 0, y: c.y ?? 0 }]));
  const reach = (of: "x" | "y") => Math.max(0, ...[...places.values()].map((at) => at[of]));
  return { towards, places, width: reach("x") + SIZE.width, height: reach("y") + SIZE.height };
}

/** To the right, unless its boxes can be read better when it runs down. */
async function best(boxes: DiagramBox[], arrows: DiagramArrow[], width: number, height: number): Promise<Layout> {
  const scale = (one: Layout) => Math.min(1, width / one.width, height / one.height);
  const right = await place(boxes, arrows, "RIGHT");
  if (scale(right) > READABLE) return right;
  const down = await place(boxes, arrows, "DOWN");
  return scale(down) > scale(right) ? down : right;
}

export function DiagramCanvas(props: Props) {
  return (
    <ReactFlowProvider>
      <Canvas {...props} />
    </ReactFlowProvider>
  );
}

function Canvas({ boxes, arrows, selected, onSelect }: Props) {
  const [{ places, towards }, setLayout] = useState(NOTHING);
  const shape = useMemo(() => JSON.stringify([boxes.map((b) => b.id), arrows.map((a) => [a.from, a.to])]), [boxes, arrows]);
  const flow = useReactFlow();
  const width = useStore((s) => s.width);
  const height = useStore((s) => s.height);
  const dark = useDark();
  // biome-ignore lint/correctness/useExhaustiveDependencies: the shape stands for what matters of boxes and arrows
  useEffect(() => {
    let current = true;
    void best(boxes, arrows, width || 800, height || 500).then((found) => {
      if (!current) return;
      setLayout(found);
      requestAnimationFrame(() => void flow.fitView({ padding: 0.12, maxZoom: 1 }));
    });
    return () => {
      current = false;
    };
  }, [shape, flow, width, height]);
  const nodes: BoxNode[] = boxes
    .filter((box) => places.has(box.id))
    .map((box) => ({
      id: box.id,
      type: "box",
      position: places.get(box.id) ?? { x: 0, y: 0 },
      data: { box, towards },
      selected: box.id === selected,
      ...SIZE,
      measured: SIZE,
      handles: HANDLES[towards],
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

function BoxView({ data: { box, towards }, selected }: NodeProps<BoxNode>) {
  const { title, detail, Icon, colour } = box;
  return (
    <div className={selected ? "diagram-box diagram-selected" : "diagram-box"} title={title} style={{ ["--kind" as string]: colour ?? "var(--dim)" }}>
      <Handle type="target" position={towards === "DOWN" ? Position.Top : Position.Left} isConnectable={false} />
      {Icon ? <Icon size={17} aria-hidden className="diagram-icon" /> : null}
      <span className="diagram-text">
        <span className="diagram-title">{title}</span>
        {detail ? <span className="diagram-detail">{detail}</span> : null}
      </span>
      <Handle type="source" position={towards === "DOWN" ? Position.Bottom : Position.Right} isConnectable={false} />
    </div>
  );
}
