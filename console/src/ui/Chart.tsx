/** A chart, loaded when first needed; what it shows is also said in words. */

import { Suspense, lazy } from "react";
import type { Props } from "./ECharts";

const Drawing = lazy(() => import("./ECharts").then((m) => ({ default: m.ECharts })));

export function Chart(props: Props) {
  return (
    <Suspense fallback={<div className="chart" style={{ height: props.height ?? 220 }} />}>
      <Drawing {...props} />
    </Suspense>
  );
}
