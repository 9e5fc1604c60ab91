/** One node of an InferenceGraph: a router and how it chooses, or a service. */

import { Trash2 } from "lucide-react";
import { IconButton } from "../../ui/Button";
import { SelectField } from "../../ui/Fields";
import { replaceScalar } from "../document/workflow/parts";
import type { GraphNode } from "../model";
import { list, obj } from "../ports/read";
import { Shares } from "../serving/Shares";
import { Ways } from "../serving/Ways";
import { useStudioHere } from "../studio";
import { Commit } from "./Commit";

const ROUTERS = [
  { value: "Sequence", label: "Sequence: one after the other" },
  { value: "Splitter", label: "Splitter: one of them, by its share" },
  { value: "Ensemble", label: "Ensemble: all at once" },
  { value: "Switch", label: "Switch: the first whose condition holds" },
];

export function RouterForm({ step, onRemove }: { step: GraphNode; onRemove: () => void }) {
  const { document, change, language, scope } = useStudioHere();
  const router = step.path.length === 3;
  const raw = obj(obj(obj(document.spec).nodes)[step.id]);
  const name = router ? step.id : step.title;
  const kind = String(raw.routerType ?? "Sequence");
  return (
    <div className="form">
      <header className="form-head">
        <h2>{router ? "Router" : "Model in service"}</h2>
        <IconButton label={`Delete ${name}`} Icon={Trash2} onClick={onRemove} />
      </header>
      <Commit label={router ? "Name" : "InferenceService"} value={name} onCommit={(wanted) => change(`Rename ${name}`, (doc) => language?.rename(doc, scope, step.id, wanted))} />
      {router ? (
        <SelectField
          label="Sends a request to"
          value={kind}
          options={ROUTERS}
          onChange={(value) => change(`Make ${name} a ${value}`, (doc) => replaceScalar(doc, [...step.path, "routerType"], value))}
        />
      ) : null}
      {router && kind === "Splitter" ? <Shares router={step.id} /> : null}
      {router && list(raw.steps).some((each) => each.condition) ? <Ways router={step.id} kind={kind} /> : null}
      {router ? null : (
        <p className="dim">Choose the line that leads here to set its share, its condition and what it is sent.</p>
      )}
    </div>
  );
}
