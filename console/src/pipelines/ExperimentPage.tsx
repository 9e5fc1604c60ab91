import { useQueryClient } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { Archive, Plus } from "lucide-react";
import { useNamespace } from "../app/namespace";
import { Button } from "../ui/Button";
import { Page } from "../ui/Page";
import { Empty } from "../ui/notes";
import { Ago } from "../ui/time";
import { attempt } from "../ui/toasts";
import { RecurringRuns } from "./Recurring";
import { Refusal } from "./Refusal";
import { RunTable } from "./Runs";
import { post, useExperiment, useLiveRuns, useRuns } from "./kfp";
import "./pipelines.css";

/** An experiment's runs, those that recur, and the way to another. */
export function ExperimentPage() {
  const { id } = useParams({ from: "/$namespace/pipelines/experiments/$id" });
  const namespace = useNamespace();
  const client = useQueryClient();
  useLiveRuns();
  const { data: experiment, error } = useExperiment(id);
  const runs = useRuns({ experiment: id }).data?.runs;
  if (error) return <Refusal error={error} />;
  if (!experiment) return null;
  const archived = experiment.storage_state === "ARCHIVED";
  const store = () =>
    attempt(post(`/experiments/${id}:${archived ? "unarchive" : "archive"}`), `${experiment.display_name} is ${archived ? "restored" : "archived"}`).then(() =>
      client.invalidateQueries({ queryKey: ["kfp"] }),
    );
  return (
    <Page
      title={experiment.display_name}
      crumbs={
        <Link to="/$namespace/pipelines" params={{ namespace }} search={{ tab: "experiments" }}>
          Experiments
        </Link>
      }
      facts={
        <>
          {archived ? <span className="tag">archived</span> : null}
          <span>
            made <Ago at={experiment.created_at} />
          </span>
        </>
      }
      actions={
        <>
          <Button Icon={Archive} onClick={() => void store()}>
            {archived ? "Restore" : "Archive"}
          </Button>
          <Link to="/$namespace/pipelines/new" params={{ namespace }} search={{ experiment: id }} className="button button-primary" disabled={archived}>
            <Plus size={15} aria-hidden /> Create run
          </Link>
        </>
      }
    >
      {experiment.description ? <p className="dim pipeline-said">{experiment.description}</p> : null}
      <section className="part">
        <h2>Runs</h2>
        {runs?.length ? <RunTable runs={runs} namespace="" /> : null}
        {runs && !runs.length ? <Empty title="No run in it yet">Create one here, or name it in a program: <code>experiment_name=…</code></Empty> : null}
      </section>
      <section className="part">
        <h2>Recurring runs</h2>
        <RecurringRuns experiment={id} />
      </section>
    </Page>
  );
}
