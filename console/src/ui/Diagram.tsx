/** Boxes and arrows, laid out by elk; loaded when first needed. A list of the same belongs beside it. */

import { Suspense, lazy } from "react";
import type { Props } from "./DiagramCanvas";

export type { DiagramBox, DiagramArrow } from "./DiagramCanvas";

const Canvas = lazy(() => import("./DiagramCanvas").then((m) => ({ default: m.DiagramCanvas })));

export function Diagram(props: Props) {
  return (
    <div className="diagram" role="region" aria-label={props.label}>
      <Suspense>
        <Canvas {...props} />
      </Suspense>
    </div>
  );
}
