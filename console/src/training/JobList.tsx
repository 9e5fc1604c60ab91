import { Link, useNavigate } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { newestFirst, useMany } from "../api/resources";
import { useNamespace } from "../app/namespace";
import { useSearched } from "../app/searched";
import { NewObject } from "../objects/NewObject";
import { Mark } from "../ui/Mark";
import { Page, SearchBox, Segments, Toolbar } from "../ui/Page";
import { type Column, Table } from "../ui/Table";
import { Empty, Problem } from "../ui/notes";
import { Ago, Duration, seconds } from "../ui/time";
import { FAMILIES, JAX, JOBSET, MPI, MPI2, PADDLE, PYTORCH, TF, TRAIN, type TrainingJob, XGBOOST } from "./kinds";
import { type Listed, begun, distinct, replicas, standing, state } from "./states";
import { TEMPLATES } from "./template";
import "./training.css";

const FILTERS = ["All", "Running", "Suspended", "Succeeded", "Failed"] as const;

/** Every kind that this server serves, in one list. */
function useJobs(namespace: string) {
  const feeds = [
    { family: PYTORCH, ...useMany(PYTORCH.of, namespace) },
    { family: TF, ...useMany(TF.of, namespace) },
    { family: XGBOOST, ...useMany(XGBOOST.of, namespace) },
    { family: PADDLE, ...useMany(PADDLE.of, namespace) },
    { family: JAX, ...useMany(JAX.of, namespace) },
    { family: MPI2, ...useMany(MPI2.of, namespace) },
    { family: MPI, ...useMany(MPI.of, namespace) },
    { family: TRAIN, ...useMany(TRAIN.of, namespace) },
    { family: JOBSET, ...useMany(JOBSET.of, namespace) },
  ];
  const jobs = distinct(feeds.flatMap(({ family, items }) => items.map((job): Listed => ({ family, job }))));
  jobs.sort((a, b) => newestFirst(a.job, b.job));
  const refused = feeds.find((f) => f.error && f.error.code !== 404)?.error ?? null;
  return { jobs, loaded: feeds.every((f) => f.loaded), error: refused };
}

export function JobList() {
  const namespace = useNamespace();
  const navigate = useNavigate();
  const { jobs, loaded, error } = useJobs(namespace);
  const [search, setSearch] = useSearched();
  const [filter, setFilter] = useState<(typeof FILTERS)[number]>("All");
  const columns = useMemo(() => columnsOf(namespace), [namespace]);
  const shown = jobs.filter(({ job }) => job.metadata.name.includes(search.trim()) && (filter === "All" || state(job) === filter));
  return (
    <Page
      title="Training jobs"
      facts={loaded ? `${jobs.length} in ${namespace}` : null}
      actions={
        <NewObject
          label="New job"
          kinds={FAMILIES.map((f) => f.of)}
          namespace={namespace}
          templates={TEMPLATES}
          onCreated={(made) => {
            const kind = FAMILIES.find((f) => f.of.kind === made.kind)?.slug ?? PYTORCH.slug;
            void navigate({ to: "/$namespace/training/$kind/$name", params: { namespace, kind, name: made.metadata.name } });
          }}
        />
      }
    >
      {error ? <Problem error={error} /> : null}
      {jobs.length ? (
        <Toolbar>
          <SearchBox value={search} onChange={setSearch} />
          <Segments label="Filter by state" options={FILTERS} value={filter} onChange={setFilter} />
        </Toolbar>
      ) : null}
      {shown.length ? (
        <div className="jobs">
          <Table label="Training jobs" columns={columns} rows={shown} id={({ job }) => job.metadata.uid} />
        </div>
      ) : null}
      {jobs.length && !shown.length ? <p className="dim">No job fits this search.</p> : null}
      {loaded && !jobs.length && !error ? (
        <Empty title="No training job yet">
          Create one here, or from a terminal: <code>pinnace kubectl apply -f examples/pytorchjob-digits/job.yaml</code>. Each
          replica is a process with real PyTorch, TensorFlow, XGBoost, JAX, Paddle or Open MPI.
        </Empty>
      ) : null}
    </Page>
  );
}

function columnsOf(namespace: string): Column<Listed>[] {
  return [
    {
      title: "Name",
      cell: ({ family, job }) => (
        <Link to="/$namespace/training/$kind/$name" params={{ namespace, kind: family.slug, name: job.metadata.name }}>
          {job.metadata.name}
        </Link>
      ),
      by: ({ job }) => job.metadata.name,
    },
    { title: "Kind", cell: ({ family }) => family.of.kind, by: ({ family }) => family.of.kind },
    { title: "State", cell: ({ job }) => <Mark phase={state(job)} />, by: ({ job }) => state(job) },
    { title: "Replicas", cell: ({ family, job }) => <div className="job-replicas" title={replicas(family, job)}>{replicas(family, job)}</div> },
    {
      title: "Duration",
      number: true,
      cell: ({ job }) => <Duration from={begun(job)} to={ended(job)} />,
      by: ({ job }) => seconds(begun(job), ended(job), Date.now()) ?? -1,
    },
    { title: "Created", cell: ({ job }) => <Ago at={job.metadata.creationTimestamp} />, by: ({ job }) => job.metadata.creationTimestamp },
    { title: "Message", cell: ({ job }) => <div className="message">{standing(job)?.message}</div> },
  ];
}

/** A job that failed has no completion time; its last condition knows when. */
export function ended(job: TrainingJob): string | undefined {
  const { completionTime } = job.status ?? {};
  return completionTime ?? (["Failed", "Succeeded"].includes(state(job)) ? standing(job)?.lastTransitionTime : undefined);
}
