import type { Phase } from "../api/types";

const WORDS: Record<string, string> = { "": "Pending" };
const SIGNS: Record<string, string> = {
  Pending: "◷",
  Running: "●",
  Succeeded: "✓",
  Failed: "✕",
  Error: "!",
  Skipped: "–",
  Omitted: "–",
};

export function word(phase: Phase | undefined): string {
  return WORDS[phase ?? ""] ?? phase ?? "Pending";
}

/** A state: colour, sign and word say the same, so that none of them is needed alone. */
export function Mark({ phase, label = true }: { phase: Phase | undefined; label?: boolean }) {
  const state = word(phase);
  return (
    <span className={`mark mark-${state.toLowerCase()}`}>
      <span className="mark-sign" aria-hidden={label}>
        {SIGNS[state] ?? "?"}
      </span>
      {label ? state : <span className="hidden">{state}</span>}
    </span>
  );
}
