/** What a loop goes over, and how many of its turns run at once. */

import { Unlink } from "lucide-react";
import { IconButton } from "../../../ui/Button";
import { SelectField } from "../../../ui/Fields";
import { change } from "../../document/pipeline/change";
import { nextNumber, nodeHere, said, setParallelism } from "../../document/pipeline/edit";
import { Routing, readable } from "../../document/pipeline/lower";
import { cut } from "../../document/pipeline/lines";
import { ITEMS } from "../../document/pipeline/ends";
import { type Group, groupOf, isLeaf } from "../../document/pipeline/program";
import { PARAMETERS } from "../../document/pipeline/types";
import { Refused } from "../../document/workflow/parts";
import { obj } from "../../ports/read";
import { useStudioHere } from "../../studio";
import { Commit } from "../Commit";
import { Section } from "../Section";
import { useTask } from "./TaskForm";

export function LoopForm({ id }: { id: string }) {
  const { document, scope, change: edit } = useStudioHere();
  const task = useTask(id);
  const program = readable(document, scope);
  const loop = program && groupOf(program, scope)?.children.get(id);
  if (!loop || isLeaf(loop) || !loop.loop) return null;
  const { over } = loop.loop;
  const on = (label: string, does: (loop: Group, hand: Parameters<typeof nextNumber>[0]) => void) =>
    edit(label, (doc) =>
      change(doc, scope, (hand) => {
        const node = nodeHere(hand, id);
        if (!isLeaf(node)) does(node, hand.program);
      }),
    );
  const routing = new Routing(program);
  const item = routing.item(loop);
  const write = (text: string) =>
    on("Change what it goes over", (node, now) => {
      node.loop = { over: { raw: list(text) }, artifact: false, code: node.loop?.code || String(nextNumber(now)) };
      // Other items may be of another type.
      for (const name of [...now.known.keys()]) if (name === item || name.startsWith(`${item}-subvar-`)) now.known.delete(name);
    });
  return (
    <Section title="For each">
      {"raw" in over ? (
        <Commit label="Of these items" lines={3} hint='A list as JSON: [1, 2, 3] or [{"a": 1}]. Or connect a list to "items".' value={over.raw} onCommit={write} />
      ) : (
        <>
          <div className="wire">
            <span className="wire-text">
              <span className="wire-name">items</span>
              <span className="dim">{said(over.channel)}</span>
            </span>
            <IconButton label="Disconnect items" Icon={Unlink} onClick={() => edit("Disconnect items", (doc) => change(doc, scope, (hand) => cut(hand, nodeHere(hand, id), ITEMS)))} />
          </div>
          {loop.loop.artifact ? null : (
            <SelectField
              label="Each item is"
              value={String(routing.definition({ kind: "item", loop: id }, loop).raw.parameterType)}
              options={[...PARAMETERS]}
              onChange={(parameterType) => on("Say what an item is", (_, now) => now.known.set(item, { parameterType }))}
            />
          )}
        </>
      )}
      <Commit
        label="At once"
        hint="Turns; 0 for all"
        inputMode="numeric"
        value={String(obj(task.iteratorPolicy).parallelismLimit ?? 0)}
        onCommit={(text) => on("Set how many run at once", (node) => setParallelism(node, Math.max(0, Math.round(Number(text) || 0))))}
      />
    </Section>
  );
}

/** As upstream's compiler writes it. */
function list(text: string): string {
  const found = parsed(text);
  if (!Array.isArray(found) || found.length === 0) throw new Refused('Expected a list with something in it, such as [1, 2] or ["a", "b"]');
  // 1.0 is another type than 1, and JavaScript does not know.
  return /\d\.\d/.test(text) ? text.trim() : spaced(found);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** JSON with a space after each comma and colon, keys sorted: Python's. */
export function spaced(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(spaced).join(", ")}]`;
  if (value && typeof value === "object")
    return `{${Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, each]) => `${JSON.stringify(key)}: ${spaced(each)}`)
      .join(", ")}}`;
  return JSON.stringify(value);
}
