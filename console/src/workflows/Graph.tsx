/** A run as a graph: boxes of the page while they are few, a canvas when they are many. */

import { Suspense, lazy, useMemo, useRef } from "react";
import type { NodeStatus } from "../api/types";
import { BigGraph } from "./BigGraph";
import { Drawing } from "./graph";

/** Asked for at once: most runs are small. */
const small = import("./SmallGraph");
const SmallGraph = lazy(() => small.then((m) => ({ default: m.SmallGraph })));

/** Above this, elements of the page are too slow to move at the screen's pace. */
const MANY = 150;

interface Props {
  nodes: Map<string, NodeStatus>;
  selected: string | undefined;
  onSelect: (id: string) => void;
}

export function Graph({ nodes, selected, onSelect }: Props) {
  const drawing = useRef<Drawing | null>(null);
  drawing.current ??= new Drawing();
  const keeper = drawing.current;
  const drawn = useMemo(() => keeper.update(nodes), [keeper, nodes]);
  return (
    <div className="canvas" aria-label="Graph of the run" role="region">
      {drawn.boxes.length > MANY ? (
        <BigGraph drawn={drawn} selected={selected} onSelect={onSelect} />
      ) : (
        <Suspense fallback={null}>
          <SmallGraph drawn={drawn} selected={selected} onSelect={onSelect} />
        </Suspense>
      )}
    </div>
  );
}
