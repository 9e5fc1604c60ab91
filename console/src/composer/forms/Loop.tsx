/** How often a step runs: once, for each of some items, for each of a list that another step gives, or counted. */

import { useState } from "react";
import { SelectField } from "../../ui/Fields";
import type { Loop as Said } from "../document/workflow/edit";
import type { Obj } from "../document/workflow/shape";
import { Commit } from "./Commit";

const KINDS = [
  { value: "none", label: "once" },
  { value: "items", label: "for each of these items" },
  { value: "param", label: "for each item of a list" },
  { value: "sequence", label: "counted" },
];

export function Loop({ raw, onLoop }: { raw: Obj; onLoop: (loop: Said) => void }) {
  const said = raw.withItems ? "items" : raw.withParam ? "param" : raw.withSequence ? "sequence" : "none";
  const [wanted, setWanted] = useState(said);
  const kind = said === "none" ? wanted : said;
  return (
    <>
      <SelectField
        label="Runs"
        value={kind}
        options={KINDS}
        onChange={(next) => {
          setWanted(next);
          if (next === "none" || said !== "none") onLoop({ kind: "none" });
        }}
      />
      {kind === "items" ? (
        <Commit
          label="Items"
          lines={4}
          hint="One a line; the step speaks of it as {{item}}"
          value={Array.isArray(raw.withItems) ? raw.withItems.map(shown).join("\n") : ""}
          onCommit={(text) => onLoop(text.trim() ? { kind: "items", items: text.split("\n").filter(Boolean).map(read) } : { kind: "none" })}
        />
      ) : null}
      {kind === "param" ? (
        <Commit
          label="List"
          hint="JSON, or where it comes from: {{tasks.plan.outputs.result}}"
          value={String(raw.withParam ?? "")}
          onCommit={(text) => onLoop(text.trim() ? { kind: "param", text } : { kind: "none" })}
        />
      ) : null}
      {kind === "sequence" ? <Count raw={raw} onLoop={onLoop} /> : null}
    </>
  );
}

function Count({ raw, onLoop }: { raw: Obj; onLoop: (loop: Said) => void }) {
  const { count } = (raw.withSequence ?? {}) as { count?: unknown };
  if (raw.withSequence && count === undefined) return <p className="dim">Counted as the text says.</p>;
  return (
    <Commit
      label="How many times"
      inputMode="numeric"
      value={String(count ?? "")}
      onCommit={(text) => onLoop(text.trim() ? { kind: "sequence", count: text } : { kind: "none" })}
    />
  );
}

function shown(item: unknown): string {
  return typeof item === "string" ? item : JSON.stringify(item);
}

/** Numbers and objects are what they look like, the rest is text. */
function read(line: string): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch {
    return line;
  }
}
