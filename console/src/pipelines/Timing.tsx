import { CheckField, SelectField, TextField } from "../ui/Fields";
import { Segments } from "../ui/Page";
import { UNITS, type Unit, type When, faults, next, trigger } from "./when";

const KINDS = { "Every …": "every", Cron: "cron" } as const;
type Kind = keyof typeof KINDS;
const SEEN = 4;

interface Part {
  when: When;
  concurrency: string;
  catchup: boolean;
}

/** When a recurring run begins, and the times that this means. */
export function Timing({ draft: { when, concurrency, catchup }, wrong, onChange }: { draft: Part; wrong: ReturnType<typeof faults>; onChange: (part: Partial<Part>) => void }) {
  const set = (part: Partial<When>) => onChange({ when: { ...when, ...part } });
  return (
    <>
      <p>
        <Segments label="Trigger" options={Object.keys(KINDS) as Kind[]} value={when.kind === "cron" ? "Cron" : "Every …"} onChange={(each) => set({ kind: KINDS[each] })} />
      </p>
      {when.kind === "cron" ? (
        <TextField label="Cron" value={when.cron} error={wrong.cron} onChange={(cron) => set({ cron })} required hint="Six fields, seconds first, in UTC: 0 0 6 * * * is every day at six." />
      ) : (
        <div className="form-row">
          <TextField label="Every" value={when.every} error={wrong.every} inputMode="decimal" onChange={(every) => set({ every })} required />
          <SelectField label="Unit" value={when.unit} options={Object.keys(UNITS).map((value) => ({ value }))} onChange={(unit) => set({ unit: unit as Unit })} />
        </div>
      )}
      <Upcoming when={when} />
      <div className="form-row">
        <TextField label="Begins" type="datetime-local" value={when.start} onChange={(start) => set({ start })} hint="Empty: now." />
        <TextField label="Ends" type="datetime-local" value={when.end} error={wrong.end} onChange={(end) => set({ end })} hint="Empty: never." />
        <TextField label="At once, at most" type="number" min={1} max={10} value={concurrency} onChange={(text) => onChange({ concurrency: text })} />
      </div>
      <CheckField label="Catch up on what was missed while it was disabled or the platform was down" checked={catchup} onChange={(on) => onChange({ catchup: on })} />
    </>
  );
}

function Upcoming({ when }: { when: When }) {
  if (Object.keys(faults(when)).length) return null;
  const found = next(trigger(when), SEEN, new Date());
  return (
    <p className="field-hint upcoming number" role="status">
      {found.length ? `Next: ${found.map((at) => at.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" })).join("  ·  ")}` : "It never comes."}
    </p>
  );
}
