/** One line of the drawing: what flows, or what is waited for. */

import { Trash2 } from "lucide-react";
import { Button } from "../../ui/Button";
import { SelectField } from "../../ui/Fields";
import { setStep, stepOf } from "../document/inference/language";
import { setStates } from "../document/workflow/edit";
import type { GraphEdge } from "../model";
import { titled } from "../ports/fit";
import { useStudioHere } from "../studio";
import { Commit } from "./Commit";

const STATES = [
  { value: "", label: "when it has succeeded (or was skipped)" },
  { value: "Failed", label: "only if it failed" },
  { value: "Succeeded,Failed,Errored,Skipped", label: "whatever becomes of it" },
  { value: "AnySucceeded", label: "when any of its loop succeeded" },
];

export function EdgeForm({ edge, onRemove }: { edge: GraphEdge; onRemove: () => void }) {
  const { language, document, graph } = useStudioHere();
  const titleOf = (id: string) => graph.nodes.find((each) => each.id === id)?.title ?? id;
  return (
    <div className="form">
      <header className="form-head">
        <h2>
          {titleOf(edge.from.node)} → {titleOf(edge.to.node)}
        </h2>
      </header>
      {edge.type && language?.form !== "inference" ? (
        <p>
          {titled(edge.type)}: {edge.from.port} goes into {edge.to.port || "its condition or loop"}.
        </p>
      ) : null}
      {language?.form === "workflow" && edge.kind === "order" ? <States edge={edge} /> : null}
      {language?.form === "inference" ? <StepOfRouter edge={edge} document={document} /> : null}
      <Button look="danger" Icon={Trash2} onClick={onRemove}>
        Delete this connection
      </Button>
    </div>
  );
}

function States({ edge }: { edge: GraphEdge }) {
  const { change, scope } = useStudioHere();
  const found = STATES.find((each) => label(each.value) === (edge.label ?? ""))?.value ?? "";
  return (
    <SelectField
      label={`${edge.to.node} goes on`}
      value={found}
      options={STATES}
      onChange={(value) => change("Change what is waited for", (doc) => setStates(doc, scope, edge.from.node, edge.to.node, value.split(",")))}
    />
  );
}

function label(value: string): string {
  const said: Record<string, string> = { Failed: "if it fails", AnySucceeded: "if any succeeds", "Succeeded,Failed,Errored,Skipped": "whatever becomes of it" };
  return said[value] ?? "";
}

function StepOfRouter({ edge, document }: { edge: GraphEdge; document: Record<string, unknown> }) {
  const { change } = useStudioHere();
  const step = stepOf(document, edge);
  if (!step) return null;
  const set = (key: string, number = false) => (text: string) =>
    change(`Set ${key}`, (doc) => setStep(doc, edge, key, text === "" ? null : number ? Number(text) : text));
  return (
    <>
      <Commit label="Share of the requests" hint="Per cent, for a Splitter: all shares make 100" inputMode="numeric" value={String(step.raw.weight ?? "")} onCommit={set("weight", true)} />
      <Commit label="Only when" hint="A condition on the request, for a Switch" value={String(step.raw.condition ?? "")} onCommit={set("condition")} />
      <SelectField
        label="It is sent"
        value={String(step.raw.data ?? "")}
        options={[{ value: "", label: "the request" }, { value: "$request", label: "the request ($request)" }, { value: "$response", label: "the answer of the step before" }]}
        onChange={set("data")}
      />
      <SelectField
        label="If it fails"
        value={String(step.raw.dependency ?? "")}
        options={[{ value: "", label: "the others go on" }, { value: "Soft", label: "the others go on (Soft)" }, { value: "Hard", label: "the whole request fails" }]}
        onChange={set("dependency")}
      />
    </>
  );
}
