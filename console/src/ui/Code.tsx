/** CodeMirror, loaded when first needed. */

import { Suspense, lazy } from "react";
import type { Props } from "./CodeMirror";

const Editor = lazy(() => import("./CodeMirror").then((m) => ({ default: m.CodeMirror })));

export function Code(props: Props) {
  return (
    <Suspense fallback={<pre className="code-plain">{props.value}</pre>}>
      <Editor {...props} />
    </Suspense>
  );
}
