/** What a condition asks: one value compared with another, or with what is written there; and what happens else. */

import { GitBranchPlus, Split } from "lucide-react";
import { Button } from "../../../ui/Button";
import { SelectField } from "../../../ui/Fields";
import { change } from "../../document/pipeline/change";
import type { Comparison, Operator } from "../../document/pipeline/conditions";
import { OPERATORS } from "../../document/pipeline/conditions";
import { checkOrder, nodeHere, said } from "../../document/pipeline/edit";
import { entering, offers, settled } from "../../document/pipeline/ends";
import { Routing, readable } from "../../document/pipeline/lower";
import { type Channel, type Group, groupOf, isLeaf } from "../../document/pipeline/program";
import { type as typeWord } from "../../document/pipeline/types";
import { asks } from "../../document/pipeline/read";
import { addBranch, branches, isElse, own, setCondition } from "../../document/pipeline/wrap";
import { Refused } from "../../document/workflow/parts";
import { useStudioHere } from "../../studio";
import { Commit } from "../Commit";
import { Section } from "../Section";

/** Values that can be compared: of siblings that come before, and of what comes into the drawing. */
function useComparable(id: string): { group: Group; found: { key: string; label: string; channel: Channel; type: string }[] } | null {
  const { document, scope } = useStudioHere();
  const program = readable(document, scope);
  const around = program && groupOf(program, scope);
  const group = around?.children.get(id);
  if (!program || !around || !group || isLeaf(group)) return null;
  const routing = new Routing(program);
  const inside = [...around.children.values()].filter((each) => each.key !== id && !isLater(each.key)).flatMap((each) => [...offers(routing, each).values()]);
  const all = [...inside, ...entering(routing, around).values()].filter(({ definition }) => definition.side === "parameters" && !["LIST", "STRUCT"].includes(String(definition.raw.parameterType)));
  return { group, found: all.map(({ channel, definition }) => ({ key: JSON.stringify(channel), label: said(channel), channel, type: String(definition.raw.parameterType) })) };

  function isLater(key: string): boolean {
    const node = around?.children.get(key);
    if (!node || !group || !program) return true;
    try {
      checkOrder(program, { kind: "output", task: key, name: "" }, group);
      return false;
    } catch {
      return true;
    }
  }
}

export function ConditionForm({ id }: { id: string }) {
  const { scope, change: edit } = useStudioHere();
  const known = useComparable(id);
  if (!known) return null;
  const { group, found } = known;
  const [term] = group.parent?.kind === "branches" ? own(group) : (group.when?.of ?? []);
  const chosen = group.parent?.kind === "branches";
  const last = chosen && branches(group.parent as Group).some(isElse);
  const set = (next: Comparison<Channel>) =>
    edit("Change the condition", (doc) =>
      change(doc, scope, (hand) => {
        const node = nodeHere(hand, id);
        if (!isLeaf(node)) setCondition(node, { ...next, left: "channel" in next.left ? { channel: settled(hand.program, next.left.channel) } : next.left });
      }),
    );
  const branch = (compared?: Comparison<Channel>) => edit(compared ? "Add an else if" : "Add an else", (doc) => change(doc, scope, (hand) => addBranch(hand, id, compared)));
  return (
    <Section title="Only">
      {isElse(group) ? <p className="dim">If none of the branches before it ran.</p> : term && (group.when?.of?.length === 1 || chosen) ? <Compare term={term} found={found} onChange={set} /> : <p>{group.when?.text ?? asks(group)}</p>}
      {last || !group.when?.of ? null : (
        <p className="actions">
          {term ? (
            <Button Icon={GitBranchPlus} onClick={() => branch({ ...term, not: false })}>
              Else if
            </Button>
          ) : null}
          <Button Icon={Split} onClick={() => branch()}>
            Else
          </Button>
        </p>
      )}
    </Section>
  );
}

interface CompareProps {
  term: Comparison<Channel>;
  found: { key: string; label: string; channel: Channel; type: string }[];
  onChange: (next: Comparison<Channel>) => void;
}

function Compare({ term, found, onChange }: CompareProps) {
  const left = "channel" in term.left ? JSON.stringify(term.left.channel) : "";
  const of = found.find((each) => each.key === left);
  const options = of || !("channel" in term.left) ? found : [{ key: left, label: said(term.left.channel), channel: term.left.channel, type: "STRING" }, ...found];
  const type = of?.type ?? "STRING";
  const right = "value" in term.right ? String(term.right.value) : said(term.right.channel);
  return (
    <>
      <SelectField
        label="If"
        value={left}
        options={options.map(({ key, label }) => ({ value: key, label }))}
        onChange={(key) => {
          const next = options.find((each) => each.key === key);
          if (next) onChange({ ...term, left: { channel: next.channel }, right: "value" in term.right ? { value: usual(next.type, term.right.value) } : term.right });
        }}
      />
      <SelectField label="is" value={term.operator} options={OPERATORS.map((value) => ({ value, label: SAID[value] }))} onChange={(value) => onChange({ ...term, operator: value as Operator })} />
      {type === "BOOLEAN" && "value" in term.right ? (
        <SelectField label="to" value={right} options={[{ value: "true" }, { value: "false" }]} onChange={(value) => onChange({ ...term, right: { value: value === "true" } })} />
      ) : (
        <Commit label="to" hint={typeWord(type)} value={right} onCommit={(text) => onChange({ ...term, right: { value: constantOf(type, text) } })} />
      )}
    </>
  );
}

const SAID: Record<Operator, string> = { "==": "equal", "!=": "not equal", "<": "less", "<=": "less or equal", ">": "greater", ">=": "greater or equal" };

/** A written value that fits another type than before. */
function usual(type: string, value: string | number | boolean): string | number | boolean {
  if (type === "BOOLEAN") return typeof value === "boolean" ? value : true;
  if (type === "STRING") return String(value);
  return Number.isFinite(Number(value)) && value !== "" && typeof value !== "boolean" ? Number(value) : 0;
}

function constantOf(type: string, text: string): string | number {
  if (type === "STRING") {
    if (text.includes("'")) throw new Refused("Upstream's conditions cannot have ' in a text");
    return text;
  }
  const number = Number(text);
  if (text.trim() === "" || !Number.isFinite(number)) throw new Refused("Expected a number");
  return number;
}
