/** What the lists offer: components to add, and ends and components for a line that begins somewhere. */

import type { Choice } from "./Chooser";
import { type Start, candidates, offers } from "./fitting";
import type { Component, End, Graph } from "./model";
import { grouped } from "./library";

export function addChoices(components: readonly Component[], onAdd: (component: Component) => void): Choice[] {
  return grouped(components).flatMap(([group, found]) =>
    found.map((component) => ({
      key: component.key,
      label: component.title,
      icon: component.icon,
      group,
      words: component.description,
      onChoose: () => onAdd(component),
    })),
  );
}

interface Line {
  start: Start;
  onto?: string;
  at?: { x: number; y: number };
}

/** Dropped on empty canvas: new components first. On a node: its ports. From the keyboard: everything that fits. */
export function askChoices(
  graph: Graph,
  components: readonly Component[],
  { start, onto, at }: Line,
  onJoin: (from: End, to: End) => void,
  onAdd: (component: Component, port: string) => void,
): Choice[] {
  const here = candidates(graph, start, onto).map(
    ({ end, detail }): Choice => ({
      key: `${end.node} ${end.port}`,
      label: end.node,
      detail,
      group: onto ? "" : "In the drawing",
      onChoose: () => (start.side === "outputs" ? onJoin(start, end) : onJoin(end, start)),
    }),
  );
  if (onto) return here;
  const anew = offers(graph, start, components).map(
    ({ component, port }): Choice => ({
      key: `new ${component.key}`,
      label: component.title,
      icon: component.icon,
      detail: port,
      group: "A new step",
      onChoose: () => onAdd(component, port),
    }),
  );
  return at ? [...anew, ...here] : [...here, ...anew];
}
