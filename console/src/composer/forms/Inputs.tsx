/** What goes into a step of a workflow, by its ports. */

import { disconnect } from "../document/workflow/edit";
import { callAt, setArgument } from "../document/workflow/parts";
import { given } from "../document/workflow/read";
import type { Call, Obj } from "../document/workflow/shape";
import type { Start } from "../fitting";
import type { GraphNode, Port } from "../model";
import { useStudioHere } from "../studio";
import { Input } from "./Input";
import { Section } from "./Section";

export function Inputs({ step, call, onConnect }: { step: GraphNode; call: Call; onConnect: (start: Start) => void }) {
  const { change, scope, graph } = useStudioHere();
  const args = given(call.raw);
  const lost = [...args.keys()].filter((name) => !step.ports.inputs.some((port) => port.name === name));
  if (step.ports.inputs.length + lost.length === 0) return null;
  const set = (port: Port) => (value: string) =>
    change(`Set ${port.name}`, (doc) => setArgument(doc, callAt(doc, scope, step.id).path, port.kind, port.name, value || null));
  const cut = (port: string) =>
    change(`Disconnect ${port}`, (doc) => {
      for (const edge of graph.edges) if (edge.to.node === step.id && edge.to.port === port) disconnect(doc, scope, edge);
    });
  return (
    <Section title="Inputs">
      {step.ports.inputs.map((port) => (
        <Input
          key={`${port.kind} ${port.name}`}
          port={port}
          value={args.get(port.name) ?? ""}
          plain={isPlain(call, port)}
          onValue={set(port)}
          onConnect={() => onConnect({ node: step.id, port: port.name, side: "inputs" })}
          onDisconnect={() => cut(port.name)}
        />
      ))}
      {lost.map((name) => (
        <p key={name} className="warning">
          <code>{name}</code> is given, but it is no input of this component.
        </p>
      ))}
    </Section>
  );
}

function isPlain(call: Call, port: Port): boolean {
  const args = (call.raw.arguments ?? {}) as { parameters?: Obj[] };
  return args.parameters?.find((each) => each.name === port.name)?.valueFrom === undefined;
}
