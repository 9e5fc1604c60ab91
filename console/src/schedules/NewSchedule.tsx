/** A schedule for a template: when, in which zone, with which arguments. */

import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { KubeError, create } from "../api/kube";
import { CRON_WORKFLOW, collection } from "../api/resources";
import { Button } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import { SelectField, TextField } from "../ui/Fields";
import { Problem } from "../ui/notes";
import { moment } from "../ui/time";
import { notify } from "../ui/toasts";
import { useSources } from "../workflows/NewRun";
import { type Source, asked, initial, runOf } from "../workflows/arguments";
import { upcoming } from "./NextTimes";

const POLICIES = ["Allow", "Forbid", "Replace"];

interface Wanted {
  name: string;
  schedule: string;
  timezone: string;
  policy: string;
  template: string;
}

export function NewSchedule({ namespace, onClose }: { namespace: string; onClose: () => void }) {
  const sources = useSources(namespace);
  const navigate = useNavigate();
  const [wanted, setWanted] = useState<Wanted>({ name: "", schedule: "0 6 * * *", timezone: "", policy: "Forbid", template: "" });
  const [answers, setAnswers] = useState<Record<string, string>>({});
  const [error, setError] = useState<KubeError | null>(null);
  const set = (part: Partial<Wanted>) => setWanted({ ...wanted, ...part });
  const source = sources.find((s) => id(s) === wanted.template) ?? sources[0];
  const due = upcoming({ spec: { schedules: [wanted.schedule], ...(wanted.timezone ? { timezone: wanted.timezone } : {}), workflowSpec: {} } }, 3, new Date());
  async function go() {
    if (!source) return;
    try {
      await create(collection(CRON_WORKFLOW, namespace), document(wanted, source, answers));
      notify(`${wanted.name} is scheduled`);
      void navigate({ to: "/$namespace/schedules/$name", params: { namespace, name: wanted.name } });
    } catch (problem) {
      setError(KubeError.of(problem));
    }
  }
  return (
    <Dialog title="New schedule" onClose={onClose}>
      {sources.length ? null : (
        <p className="warning">
          A schedule runs a template, and there is none yet. <code>pinnace kubectl apply -f TEMPLATE.yaml</code> brings one.
        </p>
      )}
      <form
        onSubmit={(e) => {
          e.preventDefault();
          void go();
        }}
      >
        <TextField label="Name" value={wanted.name} onChange={(name) => set({ name })} required autoFocus autoComplete="off" />
        <div className="form-row">
          <TextField
            label="When"
            value={wanted.schedule}
            onChange={(schedule) => set({ schedule })}
            hint={typeof due === "string" ? undefined : <Due times={due} />}
            error={typeof due === "string" ? due : undefined}
          />
          <TextField label="Time zone" value={wanted.timezone} onChange={(timezone) => set({ timezone })} placeholder="of the machine" hint="Such as Europe/Berlin" />
        </div>
        <SelectField
          label="If the one before still runs"
          value={wanted.policy}
          options={POLICIES.map((value) => ({ value, label: { Allow: "run both", Forbid: "leave this time out", Replace: "stop the older one" }[value] ?? value }))}
          onChange={(policy) => set({ policy })}
        />
        <SelectField
          label="Template"
          value={source ? id(source) : ""}
          options={sources.map((s) => ({ value: id(s), label: s.item.metadata.name }))}
          onChange={(template) => set({ template })}
        />
        {source ? asked(source.item).map((p) => (
          <TextField key={p.name} label={p.name} hint={p.description} value={answers[p.name] ?? initial(p)} onChange={(value) => setAnswers({ ...answers, [p.name]: value })} />
        )) : null}
        {error ? <Problem error={error} /> : null}
        <footer className="dialog-foot">
          <Button onClick={onClose}>Cancel</Button>
          <Button look="primary" type="submit" disabled={!wanted.name || !source || typeof due === "string"}>
            Schedule
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}

function Due({ times }: { times: Date[] }) {
  return (
    <>
      next:{" "}
      {times.map((time) => (
        <span key={time.getTime()} className="due">
          {moment(time)}
        </span>
      ))}
    </>
  );
}

const id = (source: Source) => `${source.kind}/${source.item.metadata.name}`;

function document(wanted: Wanted, source: Source, answers: Record<string, string>): object {
  const run = runOf(source, source.item.spec.entrypoint, answers, "") as { spec: object };
  return {
    apiVersion: "argoproj.io/v1alpha1",
    kind: "CronWorkflow",
    metadata: { name: wanted.name },
    spec: {
      schedules: [wanted.schedule],
      ...(wanted.timezone ? { timezone: wanted.timezone } : {}),
      concurrencyPolicy: wanted.policy,
      workflowSpec: run.spec,
    },
  };
}
