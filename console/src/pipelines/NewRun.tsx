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

/** Everything that the form holds, and the order that it comes to. */
function useForm(search: NewSearch, like: Run | undefined, again: Recurring | undefined) {
  const from = like ?? again;
  const pipelines = usePipelines().data?.pipelines ?? [];
  const [pipeline, setPipeline] = useState(search.pipeline ?? from?.pipeline_version_reference?.pipeline_id ?? "");
  const versions = useVersions(pipeline || null).data?.pipeline_versions ?? [];
  const [wanted, setWanted] = useState(search.version ?? from?.pipeline_version_reference?.pipeline_version_id ?? "");
  const [draft, setDraft] = useState(() => begun(search, like, again));
  const [given, setGiven] = useState<Record<string, string>>(() => texts(from?.runtime_config?.parameters ?? {}));
  const version = versions.find((v) => v.pipeline_version_id === wanted) ?? versions[0];
  const inline = from?.pipeline_spec;
  const spec = specOf(version ?? (inline ? ({ pipeline_spec: inline } as Version) : undefined));
  const asked = inputs(spec);
  const read = values(asked, given);
  const recurs = draft.often === "Recurring";
  const bad = recurs ? faults(draft.when) : {};
  const title = pipelines.find((p) => p.pipeline_id === pipeline)?.display_name;
  const name = draft.name || (title ? `${title} run` : "");
  const order = ordered({ ...draft, name }, { pipeline, version: version?.pipeline_version_id ?? "", parameters: read.parameters, timed: recurs && !Object.keys(bad).length });
  const choose = (id: string) => {
    setPipeline(id);
    setWanted("");
    setGiven({});
  };
  const set = (part: Partial<Draft>) => setDraft({ ...draft, ...part });
  return { pipelines, pipeline, choose, versions, version, setWanted, draft, set, given, setGiven, inline, spec, asked, read, recurs, bad, name, order };
}

type Held = ReturnType<typeof useForm>;

interface Chosen {
  pipeline: string;
  version: string;
  parameters: Record<string, Json>;
  /** It recurs, and when can be read. */
  timed: boolean;
}

function ordered(draft: Draft, { timed, ...chosen }: Chosen): Order {
  const { name, description, experiment, account, root, caching, when, concurrency, catchup } = draft;
  return {
    name, description, experiment, account, root, ...chosen,
    ...(caching ? { caching: caching === "on" } : {}),
    ...(timed ? { again: { trigger: trigger(when), concurrency, catchup } } : {}),
  };
}

/** Of a run whose pipeline was never uploaded the pipeline itself goes along. */
function sent({ order, version, spec }: Held): object {
  const { pipeline_version_reference: reference, ...rest } = body(order, spec);
  if (version) return reference ? { ...rest, pipeline_version_reference: reference } : rest;
  return { pipeline_spec: spec, ...rest };
}

function Form({ search, like, again }: { search: NewSearch; like: Run | undefined; again: Recurring | undefined }) {
  const namespace = useNamespace();
  const navigate = useNavigate();
  const client = useQueryClient();
  const held = useForm(search, like, again);
  const [tried, setTried] = useState(false);
  const [error, setError] = useState<KubeError | null>(null);
  const { spec, read, bad, recurs, name, order } = held;

  async function go() {
    setTried(true);
    setError(null);
    if (Object.keys({ ...read.wrong, ...bad }).length) return;
    try {
      const made = await post<Partial<Run & Recurring>>(path(order, namespace), sent(held));
      notify(`${name} ${recurs ? "recurs" : "runs"}`);
      await client.invalidateQueries({ queryKey: ["kfp"] });
      const id = (recurs ? made.recurring_run_id : made.run_id) ?? "";
      await navigate({ to: recurs ? "/$namespace/pipelines/recurring/$id" : "/$namespace/pipelines/runs/$id", params: { namespace, id } });
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
          <What held={held} />
          {spec ? <Inputs wanted={held.asked} texts={held.given} wrong={tried ? read.wrong : {}} parameters={read.parameters} onChange={held.setGiven} /> : null}
          <Rest held={held} />
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

function What({ held: { pipelines, pipeline, choose, inline, versions, version, setWanted, name, draft, set } }: { held: Held }) {
  const none = pipeline ? [] : [{ value: "", label: inline ? "the one of that run" : "choose one" }];
  return (
    <fieldset>
      <legend>What runs</legend>
      <div className="form-row">
        <SelectField label="Pipeline" value={pipeline} options={[...none, ...pipelines.map((p) => ({ value: p.pipeline_id, label: p.display_name }))]} onChange={choose} />
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
  );
}

function Rest({ held: { draft, set, recurs, bad } }: { held: Held }) {
  return (
    <>
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
    </>
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
