/** A run of a version: a form made from the pipeline's inputs, once or again and again. */

import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { KubeError } from "../api/kube";
import { useNamespace } from "../app/namespace";
import { Button } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import { SelectField, TextField } from "../ui/Fields";
import { Problem } from "../ui/notes";
import { notify } from "../ui/toasts";
import { type Run, type Version, post } from "./kfp";
import { type Input, type Json, inputs, kind, shown, specOf, trigger, value } from "./spec";

const WHEN = [{ value: "once", label: "once, now" }, { value: "cron", label: "by cron" }, { value: "every", label: "every so many seconds" }];

export function NewRun({ name, version, given = {}, onClose }: { name: string; version: Version; given?: Record<string, Json>; onClose: () => void }) {
  const namespace = useNamespace();
  const navigate = useNavigate();
  const client = useQueryClient();
  const wanted = inputs(specOf(version));
  const [title, setTitle] = useState(`${name} run`);
  const [texts, setTexts] = useState(() => Object.fromEntries(wanted.map(([key, input]) => [key, shown(given[key] ?? input.defaultValue)])));
  const [when, setWhen] = useState("once");
  const [schedule, setSchedule] = useState("");
  const [wrong, setWrong] = useState<Record<string, string>>({});
  const [error, setError] = useState<KubeError | null>(null);

  async function go() {
    const read = wanted.map(([key, input]) => ({ key, ...value(input, texts[key] ?? "") }));
    const refused = Object.fromEntries(read.flatMap(({ key, wrong: why }) => (why ? [[key, why]] : [])));
    setWrong(refused);
    setError(null);
    if (Object.keys(refused).length) return;
    const parameters = Object.fromEntries(read.flatMap(({ key, value: found }) => (found === undefined ? [] : [[key, found]])));
    const { pipeline_id, pipeline_version_id } = version;
    const order = { display_name: title, pipeline_version_reference: { pipeline_id, pipeline_version_id }, runtime_config: { parameters } };
    try {
      if (when === "once") await once(order);
      else await again(order);
    } catch (problem) {
      setError(KubeError.of(problem));
    }
  }

  async function once(order: object) {
    const made = await post<Run>("/runs", order);
    notify(`${title} runs`);
    await client.invalidateQueries({ queryKey: ["kfp"] });
    await navigate({ to: "/$namespace/pipelines/runs/$id", params: { namespace, id: made.run_id } });
  }

  async function again(order: object) {
    await post("/recurringruns", { ...order, mode: "ENABLE", max_concurrency: "1", trigger: trigger(when === "cron" ? schedule : "", schedule) });
    notify(`${title} recurs`);
    await client.invalidateQueries({ queryKey: ["kfp"] });
    await navigate({ to: "/$namespace/pipelines", params: { namespace }, search: { tab: "recurring" } });
  }

  return (
    <Dialog title={`Run ${name}`} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void go();
        }}
      >
        <TextField label="Name of the run" value={title} onChange={setTitle} required />
        {wanted.map(([key, input]) => (
          <Field key={key} name={key} input={input} text={texts[key] ?? ""} error={wrong[key]} onChange={(text) => setTexts({ ...texts, [key]: text })} />
        ))}
        <SelectField label="When" value={when} options={WHEN} onChange={setWhen} />
        {when === "cron" ? <TextField label="Cron" value={schedule} onChange={setSchedule} required placeholder="0 0 6 * * *" hint="Six fields, seconds first." /> : null}
        {when === "every" ? <TextField label="Seconds" value={schedule} onChange={setSchedule} required inputMode="numeric" pattern="[1-9][0-9]*" placeholder="3600" /> : null}
        {error ? <Problem error={error} /> : null}
        <footer className="dialog-foot">
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary">
            {when === "once" ? "Run" : "Create"}
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}

interface FieldProps {
  name: string;
  input: Input;
  text: string;
  error: string | undefined;
  onChange: (text: string) => void;
}

function Field({ name, input, text, error, onChange }: FieldProps) {
  const hint = [input.description, kind(input)].filter(Boolean).join(" · ");
  const listed = input.literals?.map((one) => shown(one)) ?? (input.parameterType === "BOOLEAN" ? ["true", "false"] : undefined);
  if (!listed) return <TextField label={name} hint={hint} value={text} error={error} onChange={onChange} />;
  const options = [...(text === "" ? [{ value: "", label: "(default)" }] : []), ...listed.map((one) => ({ value: one }))];
  return <SelectField label={name} hint={hint} value={text} error={error} options={options} onChange={onChange} />;
}
