/** What may be done with one step: run it again, stop it, give it the outputs that it waits for. */

import { CircleStop, RotateCw } from "lucide-react";
import type { NodeStatus, Workflow } from "../api/types";
import { type Item, Menu } from "../ui/Menu";
import { attempt } from "../ui/toasts";
import { finished, retry, stopNode } from "./steering";
import { waits } from "./story";

export function NodeActions({ workflow, node }: { workflow: Workflow; node: NodeStatus }) {
  const over = finished(workflow);
  const items: Item[] = [];
  if (over && node.type === "Pod")
    items.push({
      label: "Run again from here",
      Icon: RotateCw,
      onSelect: () =>
        void attempt(
          retry(workflow, { restartSuccessful: true, nodeFieldSelector: `id=${node.id}` }),
          `${node.displayName} and what follows it run again`,
        ),
    });
  if (waits(node))
    items.push({
      label: "Refuse",
      Icon: CircleStop,
      danger: true,
      onSelect: () => void attempt(stopNode(workflow, node, "refused in the console"), `${node.displayName} refused`),
    });
  return items.length ? <Menu label="More to do with this step" items={items} /> : null;
}
