/** A form made from what the model says about itself; what it sends is also a line for a terminal. */

import { useQuery } from "@tanstack/react-query";
import { Send } from "lucide-react";
import { useState } from "react";
import { KubeError, get } from "../api/kube";
import { Button } from "../ui/Button";
import { Code } from "../ui/Code";
import { Command } from "../ui/Copy";
import { TextArea } from "../ui/Fields";
import { Segments } from "../ui/Page";
import { Problem } from "../ui/notes";
import { type Answer, ask, through } from "./asking";
import type { InferenceService } from "./kinds";
import { type Json, type Metadata, type Tensor, Refused, curl, described, example, inference, outputs, typed } from "./predict";

const FORMS = ["Form", "JSON"] as const;

export function TryIt({ service }: { service: InferenceService }) {
  const { name, namespace = "" } = service.metadata;
  const url = service.status?.url ?? "";
  const { data, isPending } = useQuery<Metadata | null, KubeError>({
    queryKey: ["metadata", namespace, name, service.status?.components?.predictor?.latestReadyRevision ?? ""],
    queryFn: ({ signal }) => about(namespace, name, signal),
    enabled: url !== "",
    retry: false,
  });
  if (!url) return <p className="dim">It has no address yet. It can be asked as soon as a replica is ready.</p>;
  if (isPending) return null;
  return <Asking service={service} inputs={data?.inputs ?? []} />;
}

/** Only protocol V2 describes a model; where it is not spoken the reader writes V1. */
async function about(namespace: string, name: string, signal: AbortSignal): Promise<Metadata | null> {
  try {
    return await get<Metadata>(through(namespace, name, `/v2/models/${name}`), signal);
  } catch {
    return null;
  }
}

const V1_EXAMPLE = '{"instances": [[1, 2, 3, 4]]}';

function Asking({ service, inputs }: { service: InferenceService; inputs: Tensor[] }) {
  const { name, namespace = "" } = service.metadata;
  const [form, setForm] = useState<(typeof FORMS)[number]>(inputs.length ? "Form" : "JSON");
  const [texts, setTexts] = useState<Record<string, string>>(() => Object.fromEntries(inputs.map((t) => [t.name, example(t)])));
  const [raw, setRaw] = useState(V1_EXAMPLE);
  const [refused, setRefused] = useState<Refused | null>(null);
  const [answer, setAnswer] = useState<Answer | KubeError | null>(null);
  const [busy, setBusy] = useState(false);
  const path = form === "Form" ? `/v2/models/${name}/infer` : `/v1/models/${name}:predict`;
  const made = attemptBody(() => (form === "Form" ? inference(inputs, texts) : typed("body", raw)));

  async function send() {
    setRefused(made instanceof Refused ? made : null);
    if (made instanceof Refused) return;
    setBusy(true);
    setAnswer(await ask(through(namespace, name, path), made).catch(KubeError.of));
    setBusy(false);
  }

  return (
    <form
      className="try"
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      <div className="try-ask">
        {inputs.length ? <Segments label="How to ask" options={FORMS} value={form} onChange={setForm} /> : null}
        {form === "Form" ? (
          inputs.map((tensor) => (
            <TextArea
              key={tensor.name}
              label={tensor.name}
              hint={described(tensor)}
              rows={6}
              value={texts[tensor.name] ?? ""}
              error={refused?.field === tensor.name ? refused.message : undefined}
              onChange={(text) => setTexts({ ...texts, [tensor.name]: text })}
            />
          ))
        ) : (
          <TextArea
            label="Body"
            hint={`JSON, sent as it is to ${path}`}
            rows={8}
            value={raw}
            error={refused?.field === "body" ? refused.message : undefined}
            onChange={setRaw}
          />
        )}
        <div>
          <Button type="submit" look="primary" Icon={Send} disabled={busy}>
            Predict
          </Button>
        </div>
        <h2 className="lesser">The same from a terminal</h2>
        <Command
          label="the curl line"
          text={curl(`${service.status?.url ?? ""}${path}`, made instanceof Refused ? "…" : JSON.stringify(made))}
        />
      </div>
      <div className="try-answer" aria-live="polite">
        {answer instanceof KubeError ? <Problem error={answer} /> : answer ? <Said answer={answer} /> : <p className="dim try-none">The answer appears here.</p>}
      </div>
    </form>
  );
}

function attemptBody(make: () => Json): Json | Refused {
  try {
    return make();
  } catch (problem) {
    if (problem instanceof Refused) return problem;
    throw problem;
  }
}

export function Said({ answer }: { answer: Answer }) {
  const found = outputs(answer.json);
  const good = answer.status < 400;
  return (
    <>
      <p className={good ? "tone-good" : "tone-bad"}>
        {answer.status} {good ? "answered" : "refused"} <span className="dim number">in {answer.took.toFixed(0)} ms</span>
      </p>
      {found.map(({ name, datatype, value }) => (
        <div key={name} className="output">
          <span className="dim">
            {name} · {datatype}
          </span>
          <div className="output-value number">{JSON.stringify(value)}</div>
        </div>
      ))}
      <Code label="Answer" language="json" value={answer.json === undefined ? answer.text : JSON.stringify(answer.json, null, 2)} />
    </>
  );
}
