/** A state: colour, sign and word say the same, so that none of them is needed alone. */

export type Tone = "good" | "bad" | "busy" | "ask" | "quiet";

const SIGNS: Record<Tone, string> = { good: "✓", bad: "✕", busy: "●", ask: "?", quiet: "◷" };

const TONES: Record<string, Tone> = {
  Succeeded: "good",
  Complete: "good",
  Completed: "good",
  Ready: "good",
  True: "good",
  Active: "good",
  Bound: "good",
  Available: "good",
  Failed: "bad",
  Error: "bad",
  False: "bad",
  Lost: "bad",
  CrashLoopBackOff: "bad",
  ImagePullBackOff: "bad",
  ErrImagePull: "bad",
  Running: "busy",
  Created: "busy",
  Restarting: "busy",
  Waiting: "ask",
};

/** Words of any kind's status; what is not known is quiet. */
export function toneOf(state: string): Tone {
  return TONES[state] ?? "quiet";
}

export function word(phase: string | undefined): string {
  return phase || "Pending";
}

interface Props {
  phase: string | undefined;
  /** Where the word of the state says too little by itself. */
  tone?: Tone;
  label?: boolean;
}

export function Mark({ phase, tone, label = true }: Props) {
  const state = word(phase);
  const shade = tone ?? toneOf(state);
  const sign = state === "Error" ? "!" : state === "Skipped" || state === "Omitted" ? "–" : SIGNS[shade];
  return (
    <span className={`mark tone-${shade}`}>
      <span className="mark-sign" aria-hidden>
        {sign}
      </span>
      {label ? state : <span className="hidden">{state}</span>}
    </span>
  );
}
