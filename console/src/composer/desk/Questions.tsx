/** What a gesture asks before it is done: which component, which port. */

import { Chooser } from "../Chooser";
import type { Asked } from "../canvas/wiring";
import { addChoices, askChoices } from "../choices";
import type { Start } from "../fitting";
import { judged } from "../splicing";
import { useStudioHere } from "../studio";
import { type Arranging, WAYS } from "./arranging";
import type { Drawing } from "./drawing";
import type { Gestures } from "./gestures";
import { otherStarts } from "./lines";
import type { Gap } from "./removing";

export type Asking = { what: "add" } | { what: "align" } | Gap | ({ what: "line" } & Partial<Asked> & { start: Start });

interface Props {
  asking: Asking;
  drawing: Drawing;
  gestures: Gestures;
  arranging: Arranging;
  ask: (asking: Asking) => void;
  onClose: () => void;
}

export function Questions(props: Props) {
  const { asking, arranging, onClose } = props;
  if (asking.what === "gap") return <GapQuestion {...props} asking={asking} />;
  if (asking.what === "align") {
    const choices = WAYS.map(({ how, label, keys }) => ({ key: how, label, detail: keys, onChoose: () => arranging.align(how) }));
    return <Chooser title="Put the chosen steps in a row" none="No such row." choices={choices} onClose={onClose} />;
  }
  if (asking.what === "line") return <LineQuestion {...props} asking={asking} />;
  return <AddQuestion {...props} />;
}

/** Into the chosen line, of what fits there; else anywhere. */
function AddQuestion({ gestures, drawing, onClose }: Props) {
  const { components, graph, selection } = useStudioHere();
  const edge = graph.edges.find((each) => each.id === selection.edge);
  if (!edge) return <Chooser title="Add a step" none="No component of that name." choices={addChoices(components, (c) => gestures.add(c))} onClose={onClose} />;
  const fitting = components.filter((each) => "splice" in judged(graph, edge, each.title, each.ports));
  const between = drawing.between(edge.from.node, edge.to.node);
  return (
    <Chooser
      title={`Put a step between ${edge.from.node} and ${edge.to.node}`}
      none="Nothing fits into this line."
      choices={addChoices(fitting, (c) => gestures.addInto(c, edge.id, between))}
      onClose={onClose}
    />
  );
}

function LineQuestion({ asking, drawing, gestures, ask, onClose }: Props & { asking: Extract<Asking, { what: "line" }> }) {
  const { graph, components, select } = useStudioHere();
  const { start } = asking;
  const others = asking.at ? [] : otherStarts(graph, start);
  return (
    <Chooser
      key={`${start.side} ${start.port}`}
      title={start.port ? `Connect ${start.port} ${start.side === "inputs" ? "into" : "of"} ${start.node}` : `What comes after ${start.node}`}
      at={asking.at}
      none="Nothing fits."
      choices={[
        ...askChoices(
          graph,
          components,
          asking,
          (from, to) => gestures.join(from, to) && select([start.side === "inputs" ? start.node : to.node]),
          (component, port) => gestures.add(component, asking.place ?? drawing.spot(), start, port),
        ),
        ...others.map((each) => ({
          key: `begin ${each.port}`,
          label: each.port,
          detail: start.side === "inputs" ? "another input" : "another output",
          group: "Begin at",
          onChoose: () => ask({ what: "line", start: each }),
        })),
      ]}
      onClose={onClose}
    />
  );
}

/** A step in a chain goes: its neighbours may join. */
function GapQuestion({ asking, gestures, onClose }: Props & { asking: Gap }) {
  const said = asking.bridges.map(({ from, to }) => `${from.node} to ${to.node}`);
  return (
    <Chooser
      title={`Delete ${asking.id}`}
      none="Delete it, or not."
      choices={[
        { key: "join", label: `Delete it and join ${said.join(", ")}`, icon: "git-branch", onChoose: () => gestures.close(asking, true) },
        { key: "delete", label: "Delete it with its lines", icon: "scaling", onChoose: () => gestures.close(asking, false) },
      ]}
      onClose={onClose}
    />
  );
}
