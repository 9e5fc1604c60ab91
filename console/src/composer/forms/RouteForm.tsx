/** A line of an InferenceGraph: a step of a router. */

import { SelectField } from "../../ui/Fields";
import { setStep, stepOf } from "../document/inference/language";
import type { GraphEdge } from "../model";
import { useStudioHere } from "../studio";
import { Commit } from "./Commit";

const SENT = [{ value: "", label: "the request" }, { value: "$request", label: "the request ($request)" }, { value: "$response", label: "the answer of the step before" }];
const FAILED = [{ value: "", label: "the others go on" }, { value: "Soft", label: "the others go on (Soft)" }, { value: "Hard", label: "the whole request fails" }];

export function RouteForm({ edge }: { edge: GraphEdge }) {
  const { change, document } = useStudioHere();
  const step = stepOf(document, edge);
  if (!step) return null;
  const set = (key: string) => (text: string) => change(`Set ${key}`, (doc) => setStep(doc, edge, key, text === "" ? null : text));
  const setShare = (text: string) => change("Set weight", (doc) => setStep(doc, edge, "weight", text === "" ? null : Number(text)));
  return (
    <>
      <Commit label="Share of the requests" hint="Per cent, for a Splitter: all shares make 100" inputMode="numeric" value={String(step.raw.weight ?? "")} onCommit={setShare} />
      <Commit label="Only when" hint="A condition on the request, for a Switch" value={String(step.raw.condition ?? "")} onCommit={set("condition")} />
      <SelectField label="It is sent" value={String(step.raw.data ?? "")} options={SENT} onChange={set("data")} />
      <SelectField label="If it fails" value={String(step.raw.dependency ?? "")} options={FAILED} onChange={set("dependency")} />
    </>
  );
}
