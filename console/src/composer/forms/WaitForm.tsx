/** A line of a workflow that is order alone: for which end of the step before it waits. */

import { SelectField } from "../../ui/Fields";
import { setStates } from "../document/workflow/edit";
import type { GraphEdge } from "../model";
import { useStudioHere } from "../studio";

const STATES = [
  { value: "", label: "when it has succeeded (or was skipped)", said: "" },
  { value: "Failed", label: "only if it failed", said: "if it fails" },
  { value: "Succeeded,Failed,Errored,Skipped", label: "whatever becomes of it", said: "whatever becomes of it" },
  { value: "AnySucceeded", label: "when any of its loop succeeded", said: "if any succeeds" },
];

export function WaitForm({ edge }: { edge: GraphEdge }) {
  const { change, scope } = useStudioHere();
  if (edge.kind !== "order") return null;
  const found = STATES.find(({ said }) => said === (edge.label ?? ""))?.value ?? "";
  return (
    <SelectField
      label={`${edge.to.node} goes on`}
      value={found}
      options={STATES.map(({ value, label }) => ({ value, label }))}
      onChange={(value) => change("Change what is waited for", (doc) => setStates(doc, scope, edge.from.node, edge.to.node, value.split(",")))}
    />
  );
}
