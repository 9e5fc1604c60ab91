/** A run of up to some hundred boxes: each an element of the page. */

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
import { memo, useEffect, useMemo, useRef } from "react";
import { useDark } from "../app/theme";
import { Mark, word } from "../ui/Mark";
import { BOX, type Box, type Picture, detail, stateOf } from "./graph";
import { type Direction, direction, place } from "./place";

type BoxNode = Node<{ box: Box; towards: Direction }, "box">;

interface Props {
  drawn: Picture;
  selected: string | undefined;
  onSelect: (id: string) => void;
}

export function SmallGraph(props: Props) {
  return (
    <ReactFlowProvider>
      <Canvas {...props} />
    </ReactFlowProvider>
  );
}

/** The layout is computed again only when the shape changes, not when a state does. */
function Canvas({ drawn, selected, onSelect }: Props) {
  const dark = useDark();
  const flow = useReactFlow();
  const width = useStore((s) => s.width);
  const height = useStore((s) => s.height);
  const towards = direction(drawn, width || 640, height || 720);
  const places = usePlaces(drawn, towards, () => void flow.fitView({ padding: 0.15, maxZoom: 1.1 }));
  const boxes = useBoxes(drawn, places, towards, selected);
  const edges = useMemo(() => drawn.edges.map((e) => ({ id: `${e.from}→${e.to}`, source: e.from, target: e.to })), [drawn.edges]);
  return (
    <ReactFlow
      nodes={boxes}
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

type Places = Map<string, { x: number; y: number }>;

/** Everything is shown again when the shape changes; a state that changes moves nothing. */
function usePlaces(drawn: Picture, towards: Direction, then: () => void): Places {
  // biome-ignore lint/correctness/useExhaustiveDependencies: `shape` is what of the picture tells places
  const places = useMemo(() => place(drawn, towards), [drawn.shape, towards]);
  const latest = useRef(then);
  latest.current = then;
  // biome-ignore lint/correctness/useExhaustiveDependencies: other places are another view
  useEffect(() => {
    const frame = requestAnimationFrame(() => latest.current());
    return () => cancelAnimationFrame(frame);
  }, [places]);
  return places;
}

/** A box that says the same and stands where it stood is the same object: it is not drawn again. */
function useBoxes(drawn: Picture, places: Places, towards: Direction, selected: string | undefined): BoxNode[] {
  const kept = useRef(new Map<string, BoxNode>());
  return useMemo(() => {
    const next = new Map<string, BoxNode>();
    for (const box of drawn.boxes) {
      const position = places.get(box.id);
      if (!position) continue;
      const old = kept.current.get(box.id);
      const chosen = box.id === selected;
      const same = old && old.data.box === box && old.data.towards === towards && old.position === position && old.selected === chosen;
      next.set(box.id, same ? old : made(box, position, towards, chosen));
    }
    kept.current = next;
    return [...next.values()];
  }, [drawn, places, towards, selected]);
}

function made(box: Box, position: { x: number; y: number }, towards: Direction, selected: boolean): BoxNode {
  return {
    id: box.id,
    type: "box",
    position,
    data: { box, towards },
    selected,
    width: BOX.width,
    height: BOX.height,
    // Said and not measured: an edge must not wait for a measurement that a new state of a box takes away.
    measured: BOX,
    handles: handles(towards),
    ariaLabel: `${box.label}: ${word(box.phase)}`,
  };
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

const BoxView = memo(function BoxView({ data: { box, towards }, selected }: NodeProps<BoxNode>) {
  return (
    <div className={`box box-${stateOf(box)}${selected ? " box-selected" : ""}`} title={box.node?.message ?? box.label}>
      <Handle type="target" position={towards === "DOWN" ? Position.Top : Position.Left} isConnectable={false} />
      <Mark phase={box.phase} label={false} />
      <span className="box-text">
        <span className="box-label">{box.label}</span>
        <span className="box-detail">{detail(box)}</span>
      </span>
      <Handle type="source" position={towards === "DOWN" ? Position.Bottom : Position.Right} isConnectable={false} />
    </div>
  );
});

const TYPES = { box: BoxView };
