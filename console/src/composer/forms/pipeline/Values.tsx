/** What is given to a task, by its inputs: a line that comes in, or a value that stands there. */

import { change } from "../../document/pipeline/change";
import { constant, nodeHere, setInput } from "../../document/pipeline/edit";
import { type Definition, componentOf, definitions } from "../../document/pipeline/ir";
import { cut } from "../../document/pipeline/lines";
import { isLeaf } from "../../document/pipeline/program";
import { type Given, values } from "../../document/pipeline/read";
import { expected, parameterType, typed } from "../../document/pipeline/types";
import { Refused } from "../../document/workflow/parts";
import type { Start } from "../../fitting";
import type { GraphNode, Port } from "../../model";
import { useStudioHere } from "../../studio";
import { Input } from "../Input";
import { Section } from "../Section";
import { useTask } from "./TaskForm";

export function Values({ step, onConnect }: { step: GraphNode; onConnect: (start: Start) => void }) {
  const { document, scope } = useStudioHere();
  const given = values(document, scope, step.id);
  const declared = definitions(componentOf(document, useTask(step.id)).inputDefinitions);
  const ports = step.ports.inputs.filter((port) => !port.name.startsWith(":"));
  if (ports.length === 0) return null;
  return (
    <Section title="Inputs">
      {ports.map((port) => (
        <Value key={`${port.kind} ${port.name}`} step={step} port={port} given={given.get(port.name)} definition={declared.get(port.name)} onConnect={onConnect} />
      ))}
    </Section>
  );
}

interface ValueProps {
  step: GraphNode;
  port: Port;
  given: Given | undefined;
  definition: Definition | undefined;
  onConnect: (start: Start) => void;
}

function Value({ step, port, given, definition, onConnect }: ValueProps) {
  const { change: edit, scope } = useStudioHere();
  const shown = { ...port, name: port.title ?? port.name };
  const set = (text: string) => edit(`Set ${port.name}`, (doc) => change(doc, scope, (hand) => put(hand, step.id, port.name, definition, text)));
  const part = () => edit(`Disconnect ${port.name}`, (doc) => change(doc, scope, (hand) => cut(hand, nodeHere(hand, step.id), port.name)));
  return (
    <Input
      port={shown}
      value={given?.from || given?.text || ""}
      plain={!given?.from}
      onValue={given?.from ? part : set}
      onConnect={() => onConnect({ node: step.id, port: port.name, side: "inputs" })}
      onDisconnect={part}
    />
  );
}

function put(hand: Parameters<typeof setInput>[0], id: string, name: string, definition: Definition | undefined, text: string): void {
  const node = nodeHere(hand, id);
  if (!isLeaf(node)) return;
  const type = parameterType(definition?.raw ?? {});
  const value = text === "" ? undefined : typed(text, type);
  if (text !== "" && value === undefined) throw new Refused(`${name}: expected ${expected(type)}`);
  setInput(hand, node, name, "parameters", value === undefined ? null : constant(value));
}
