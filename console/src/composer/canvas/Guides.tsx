/** Lines that a dragged node shares with others. */

import { ViewportPortal } from "@xyflow/react";
import type { CSSProperties } from "react";
import type { Guide } from "./guides";

export function Guides({ guides }: { guides: readonly Guide[] }) {
  return (
    <ViewportPortal>
      {guides.map((guide) => (
        <div key={guide.axis} className={`guide guide-${guide.axis}`} style={placed(guide)} />
      ))}
    </ViewportPortal>
  );
}

function placed({ axis, at, from, to }: Guide): CSSProperties {
  return axis === "x" ? { left: at, top: from, height: to - from } : { top: at, left: from, width: to - from };
}
