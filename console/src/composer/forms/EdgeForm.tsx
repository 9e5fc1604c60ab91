/** One line of the drawing: what flows, or what is waited for. */

import { Trash2 } from "lucide-react";
import { Button } from "../../ui/Button";
import { type GraphEdge, node } from "../model";
import { titled } from "../ports/fit";
import { useStudioHere } from "../studio";
import { FORMS } from "./forms";

export function EdgeForm({ edge, onRemove }: { edge: GraphEdge; onRemove: () => void }) {
  const { language, graph } = useStudioHere();
  const titleOf = (id: string) => node(graph, id)?.title ?? id;
  const More = language && FORMS[language.form].Edge;
  return (
    <div className="form">
      <header className="form-head">
        <h2>
          {titleOf(edge.from.node)} → {titleOf(edge.to.node)}
        </h2>
      </header>
      {edge.type ? <Flow edge={edge} type={edge.type} /> : null}
      {More ? <More edge={edge} /> : null}
      <Button look="danger" Icon={Trash2} onClick={onRemove}>
        Delete this connection
      </Button>
    </div>
  );
}

function Flow({ edge, type }: { edge: GraphEdge; type: string }) {
  return (
    <p>
      {titled(type)}: {edge.from.port} goes into {edge.to.port || "its condition or loop"}.
    </p>
  );
}
