/** A drawing without a step: how the first one comes. */

import { useStudioHere } from "../studio";

export function Blank() {
  const { graph, language, components, trouble } = useStudioHere();
  if (!language || trouble || graph.nodes.length || graph.notes.length || components.length === 0) return null;
  return (
    <div className="blank">
      <h2>Nothing is drawn yet</h2>
      <p>
        Drag a component on to this canvas, or press <kbd>a</kbd> and type its name.
      </p>
      <p>
        Then draw a line from a port on the right of a step to one on the left of another, or press <kbd>c</kbd>: what fits lights up. <kbd>?</kbd> lists all keys.
      </p>
    </div>
  );
}
