/** What a gesture asks before it is done: which component, which port. */

import { Chooser } from "../Chooser";
import type { Asked } from "../canvas/wiring";
import { addChoices, askChoices } from "../choices";
import type { Start } from "../fitting";
import { useStudioHere } from "../studio";
import type { Drawing } from "./drawing";
import type { Gestures } from "./gestures";

export type Asking = { what: "add" } | ({ what: "line" } & Partial<Asked> & { start: Start });

interface Props {
  asking: Asking;
  drawing: Drawing;
  gestures: Gestures;
  onClose: () => void;
}

export function Questions(props: Props) {
  const { components } = useStudioHere();
  const { asking, gestures, onClose } = props;
  if (asking.what === "line") return <LineQuestion {...props} asking={asking} />;
  return <Chooser title="Add a step" none="No component of that name." choices={addChoices(components, (c) => gestures.add(c))} onClose={onClose} />;
}

function LineQuestion({ asking, drawing, gestures, onClose }: Props & { asking: Extract<Asking, { what: "line" }> }) {
  const { graph, components, select } = useStudioHere();
  const { start } = asking;
  return (
    <Chooser
      title={start.port ? `Connect ${start.port} of ${start.node}` : `What comes after ${start.node}`}
      at={asking.at}
      none="Nothing fits."
      choices={askChoices(
        graph,
        components,
        asking,
        (from, to) => gestures.join(from, to) && select([to.node]),
        (component, port) => gestures.add(component, asking.place ?? drawing.spot(), start, port),
      )}
      onClose={onClose}
    />
  );
}
