/** A run of a version: a form made from the pipeline's inputs, once or again and again, and the same call to type. */

import { useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { KubeError } from "../api/kube";
import { useNamespace } from "../app/namespace";
import { Button } from "../ui/Button";
import { SelectField, TextField } from "../ui/Fields";
import { Page, Segments } from "../ui/Page";
import { Problem } from "../ui/notes";
import { notify } from "../ui/toasts";
import { Inputs } from "./Inputs";
import { SameCall } from "./SameCall";
import { Timing } from "./Timing";
import { type Order, body, path } from "./call";
import { type Recurring, type Run, type Version, post, useExperiments, usePipelines, useRecurringOne, useRun, useVersions } from "./kfp";
import type { NewSearch } from "./routes";
import { type Json, inputs, shown, specOf, values } from "./spec";
import { DAILY, type When, faults, ofTrigger, trigger } from "./when";
import "./pipelines.css";

const FROM = "/$namespace/pipelines/new";
const OFTEN = ["Once, now", "Recurring"] as const;
const CACHES = [{ value: "", label: "as the pipeline says" }, { value: "on", label: "for every task" }, { value: "off", label: "for none" }];

export function NewRun() {
  const search = useSearch({ from: FROM });
  const run = useRun(search.clone ?? null);
  const recurring = useRecurringOne(search.recurring ?? null);
  if ((search.clone && !run.data && !run.error) || (search.recurring && !recurring.data && !recurring.error)) return null;
  return <Form key={JSON.stringify(search)} search={search} like={run.data} again={recurring.data} />;
}

interface Draft {
  name: string;
  description: string;
  experiment: string;
  account: string;
  root: string;
  caching: string;
  often: (typeof OFTEN)[number];
  when: When;
  concurrency: string;
  catchup: boolean;
}

function begun(search: NewSearch, like: Run | undefined, again: Recurring | undefined): Draft {
  const from = like ?? again;
  return {
    name: like ? `Clone of ${like.display_name}` : again ? `${again.display_name} (copy)` : "",
    description: from?.description ?? "",
    experiment: search.experiment ?? from?.experiment_id ?? "",
    account: from?.service_account ?? "",
    root: from?.runtime_config?.pipeline_root ?? "",
    caching: "",
    often: again || search.again ? "Recurring" : "Once, now",
    when: again?.trigger ? ofTrigger(again.trigger) : DAILY,
    concurrency: again?.max_concurrency ?? "1",
    catchup: !(again?.no_catchup ?? false),
  };
}

function Form({ search, like, again }: { search: NewSearch; like: Run | undefined; again: Recurring | undefined }) {
  const namespace = useNamespace();
  const navigate = useNavigate();
  const client = useQueryClient();
  const reference = (like ?? again)?.pipeline_version_reference;
  const pipelines = usePipelines().data?.pipelines ?? [];
  const [pipeline, setPipeline] = useState(search.pipeline ?? reference?.pipeline_id ?? "");
  const chosen = pipelines.find((p) => p.pipeline_id === pipeline);
  const versions = useVersions(pipeline || null).data?.pipeline_versions ?? [];
  const [wanted, setWanted] = useState(search.version ?? reference?.pipeline_version_id ?? "");
  const version = versions.find((v) => v.pipeline_version_id === wanted) ?? versions[0];
  const inline = (like ?? again)?.pipeline_spec;
  const spec = version ? specOf(version) : inline ? specOf({ pipeline_spec: inline } as Version) : undefined;
  const [draft, setDraft] = useState(() => begun(search, like, again));
  const [given, setGiven] = useState<Record<string, string>>(() => texts((like ?? again)?.runtime_config?.parameters ?? {}));
  const [tried, setTried] = useState(false);
  const [error, setError] = useState<KubeError | null>(null);
  const set = (part: Partial<Draft>) => setDraft({ ...draft, ...part });
  const wantedInputs = inputs(spec);
  const read = values(wantedInputs, given);
  const recurs = draft.often === "Recurring";
  const bad = recurs ? faults(draft.when) : {};
  const name = draft.name || (chosen ? `${chosen.display_name} run` : "");
  const order: Order = {
    name, description: draft.description, experiment: draft.experiment, account: draft.account, root: draft.root,
    pipeline, version: version?.pipeline_version_id ?? "", parameters: read.parameters,
    ...(draft.caching ? { caching: draft.caching === "on" } : {}),
    ...(recurs && !Object.keys(bad).length ? { again: { trigger: trigger(draft.when), concurrency: draft.concurrency, catchup: draft.catchup } } : {}),
  };

  async function go() {
    setTried(true);
    setError(null);
    if (Object.keys(read.wrong).length || Object.keys(bad).length) return;
    const inlined = !version && spec ? { pipeline_spec: spec } : {};
    const { pipeline_version_reference: kept, ...rest } = body(order, spec);
    try {
      const made = await post<Partial<Run & Recurring>>(path(order, namespace), version ? { ...rest, ...(kept ? { pipeline_version_reference: kept } : {}) } : { ...rest, ...inlined });
      notify(recurs ? `${name} recurs` : `${name} runs`);
      await client.invalidateQueries({ queryKey: ["kfp"] });
      if (recurs) await navigate({ to: "/$namespace/pipelines/recurring/$id", params: { namespace, id: made.recurring_run_id ?? "" } });
      else await navigate({ to: "/$namespace/pipelines/runs/$id", params: { namespace, id: made.run_id ?? "" } });
    } catch (problem) {
      setError(KubeError.of(problem));
    }
  }

  return (
    <Page
      title={recurs ? "New recurring run" : "New run"}
      crumbs={
        <Link to="/$namespace/pipelines" params={{ namespace }}>
          Pipelines
        </Link>
      }
    >
      <div className="beside">
        <form
          className="long-form"
          onSubmit={(event) => {
            event.preventDefault();
            void go();
          }}
        >
          <fieldset>
            <legend>What runs</legend>
            <div className="form-row">
              <SelectField
                label="Pipeline"
                value={pipeline}
                options={[...(pipeline ? [] : [{ value: "", label: inline ? "the one of that run" : "choose one" }]), ...pipelines.map((p) => ({ value: p.pipeline_id, label: p.display_name }))]}
                onChange={(id) => {
                  setPipeline(id);
                  setWanted("");
                  setGiven({});
                }}
              />
              <SelectField
                label="Version"
                value={version?.pipeline_version_id ?? ""}
                options={versions.map((v, i) => ({ value: v.pipeline_version_id, label: i === 0 ? `${v.display_name} (latest)` : v.display_name }))}
                onChange={setWanted}
              />
            </div>
            <div className="form-row">
              <TextField label="Name of the run" value={name} onChange={(text) => set({ name: text })} required />
              <Experiment value={draft.experiment} onChange={(experiment) => set({ experiment })} />
            </div>
            <TextField label="Description" value={draft.description} onChange={(description) => set({ description })} />
          </fieldset>
          {spec ? <Inputs wanted={wantedInputs} texts={given} wrong={tried ? read.wrong : {}} parameters={read.parameters} onChange={setGiven} /> : null}
          <fieldset>
            <legend>When</legend>
            <p>
              <Segments label="How often" options={OFTEN} value={draft.often} onChange={(often) => set({ often })} />
            </p>
            {recurs ? <Timing draft={draft} wrong={bad} onChange={set} /> : null}
          </fieldset>
          <details className="more">
            <summary>More: cache, account, pipeline root</summary>
            <div className="form-row">
              <SelectField label="Take results from the cache" value={draft.caching} options={CACHES} onChange={(caching) => set({ caching })} />
              <TextField label="Service account" value={draft.account} placeholder="the default" onChange={(account) => set({ account })} />
              <TextField label="Pipeline root" value={draft.root} placeholder="the pipeline's own" onChange={(root) => set({ root })} />
            </div>
          </details>
          {error ? <Problem error={error} /> : null}
          <footer className="form-foot">
            <Button type="submit" look="primary" disabled={!spec}>
              {recurs ? "Create" : "Run"}
            </Button>
            <Link to="/$namespace/pipelines" params={{ namespace }} className="button">
              Cancel
            </Link>
          </footer>
        </form>
        {spec ? <SameCall order={order} namespace={namespace} /> : null}
      </div>
    </Page>
  );
}

function texts(parameters: Record<string, Json>): Record<string, string> {
  return Object.fromEntries(Object.entries(parameters).map(([key, one]) => [key, shown(one)]));
}

function Experiment({ value, onChange }: { value: string; onChange: (id: string) => void }) {
  const namespace = useNamespace();
  const all = (useExperiments(namespace).data?.experiments ?? []).filter((e) => e.storage_state !== "ARCHIVED" || e.experiment_id === value);
  const rest = all.filter((e) => e.display_name !== "Default");
  return <SelectField label="Experiment" value={value} options={[{ value: "", label: "Default" }, ...rest.map((e) => ({ value: e.experiment_id, label: e.display_name }))]} onChange={onChange} />;
}
