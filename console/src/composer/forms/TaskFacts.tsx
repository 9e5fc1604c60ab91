/** A task of a pipeline's IR, and the pipeline itself: read, not changed here. */

import { Maximize2 } from "lucide-react";
import { IconButton } from "../../ui/Button";
import { Facts } from "../../ui/Facts";
import { givenTo } from "../document/pipeline/language";
import { Picture } from "../icons";
import type { GraphNode } from "../model";
import { titled } from "../ports/fit";
import { obj } from "../ports/read";
import { useStudioHere } from "../studio";

export function TaskFacts({ step }: { step: GraphNode }) {
  const { document, scope, open } = useStudioHere();
  return (
    <div className="form">
      <header className="form-head">
        <Picture name={step.icon} size={18} />
        <h2>{step.title}</h2>
        {step.opens ? <IconButton label={`Open ${step.opens}`} Icon={Maximize2} onClick={() => open(step.opens ?? "")} /> : null}
      </header>
      <Facts rows={[["Is", step.detail], ...step.badges.map((each): [string, string] => ["Runs", each.text])]} />
      <h3>Inputs</h3>
      <Facts rows={givenTo(document, scope, step.id)} />
      <h3>Outputs</h3>
      <Facts rows={step.ports.outputs.map((port) => [port.name, port.types.map(titled).join(" or ")])} />
    </div>
  );
}

export function PipelineFacts() {
  const { document } = useStudioHere();
  const info = obj(document.pipelineInfo);
  const inputs = obj(obj(obj(document.root).inputDefinitions).parameters);
  return (
    <div className="form">
      <header className="form-head">
        <h2>{String(info.name ?? "Pipeline")}</h2>
      </header>
      <p className="dim">{String(info.description ?? "A pipeline's IR, as its Python compiled to.")}</p>
      <h3>Parameters</h3>
      <Facts rows={Object.entries(inputs).map(([name, said]) => [name, `${String(obj(said).parameterType ?? "")} ${obj(said).defaultValue === undefined ? "" : JSON.stringify(obj(said).defaultValue)}`])} />
      <h3>Compiled by</h3>
      <Facts rows={[["SDK", String(document.sdkVersion ?? "")], ["Schema", String(document.schemaVersion ?? "")]]} />
    </div>
  );
}
