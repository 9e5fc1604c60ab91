/** The form of what is chosen: an edge, a node, or the document as a whole. */

import type { Start } from "../fitting";
import { EdgeForm } from "../forms/EdgeForm";
import { FORMS } from "../forms/forms";
import { type Finding, node } from "../model";
import { useStudioHere } from "../studio";

interface Props {
  faulty: ReadonlyMap<string, Finding[]>;
  chosen: string | undefined;
  onConnect: (start: Start) => void;
  onRemove: () => void;
}

export function Chosen({ faulty, chosen, onConnect, onRemove }: Props) {
  const { graph, selection, language } = useStudioHere();
  const edge = graph.edges.find((each) => each.id === selection.edge);
  const step = chosen === undefined ? undefined : node(graph, chosen);
  if (edge) return <EdgeForm edge={edge} onRemove={onRemove} />;
  if (!language) return <p className="dim">The composer does not draw this kind of document.</p>;
  const { Step, Whole } = FORMS[language.form];
  if (step) return <Step key={step.id} step={step} findings={faulty.get(step.id) ?? []} onConnect={onConnect} onRemove={onRemove} />;
  return selection.nodes.size > 1 ? <p className="dim">{selection.nodes.size} steps are chosen.</p> : <Whole />;
}
