/** Nodes put in order. */

import { useReactFlow } from "@xyflow/react";
import { complain } from "../../ui/toasts";
import { arrange } from "../canvas/place";
import { FIT } from "../canvas/view";
import { move } from "../document/layout";
import { useStudioHere } from "../studio";

export interface Arranging {
  tidy(): void;
}

export function useArranging(): Arranging {
  const { graph, scope, change } = useStudioHere();
  const flow = useReactFlow();
  async function tidy(): Promise<void> {
    const found = await arrange(graph);
    change("Arrange", (doc) => move(doc, scope, found));
    requestAnimationFrame(() => void flow.fitView({ ...FIT, duration: 200 }));
  }
  return { tidy: () => void tidy().catch(complain) };
}
