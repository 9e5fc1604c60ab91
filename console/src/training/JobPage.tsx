import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { Copy as Clone, Pause, Play } from "lucide-react";
import { useMemo } from "react";
import { stringify } from "yaml";
import { mergePatch } from "../api/kube";
import * as paths from "../api/paths";
import { POD, object, useMany, useOne } from "../api/resources";
import type { Pod } from "../api/types";
import { useLastLines } from "../logs/last";
import { LogView } from "../logs/LogView";
import { Conditions } from "../objects/Conditions";
import { DeleteButton } from "../objects/DeleteButton";
import { Events } from "../objects/Events";
import { NewObject } from "../objects/NewObject";
import { Yaml } from "../objects/Yaml";
import { restarts, state as podState } from "../objects/pods";
import { Button } from "../ui/Button";
import { Facts } from "../ui/Facts";
import { Mark } from "../ui/Mark";
import { Page } from "../ui/Page";
import { Stat, Stats } from "../ui/Stat";
import { type Column, Table } from "../ui/Table";
import { Tabs } from "../ui/Tabs";
import { Empty, Problem } from "../ui/notes";
import { Ago, Duration } from "../ui/time";
import { attempt } from "../ui/toasts";
import { ended } from "./JobList";
import { FAMILIES, type Family, PYTORCH, type TrainingJob } from "./kinds";
import { begun, over, replicas, role, selector, standing, state, suspend, suspended, told } from "./states";
import "./training.css";

const FROM = "/$namespace/training/$kind/$name";

export function JobPage() {
  const { namespace, kind, name } = useParams({ from: FROM });
  const family = FAMILIES.find((f) => f.slug === kind) ?? PYTORCH;
  const { item: job, loaded, error } = useOne(family.of, namespace, name);
  const back = (
    <Link to="/$namespace/training" params={{ namespace }}>
      Training jobs
    </Link>
  );
  if (error) return <Problem error={error} />;
  if (!job)
    return loaded ? (
      <Empty title={`There is no ${family.of.kind} ${name} in ${namespace}`} level={1}>
        {back}
      </Empty>
    ) : null;
  return <Found family={family} job={job} crumbs={back} />;
}

function Found({ family, job, crumbs }: { family: Family; job: TrainingJob; crumbs: React.ReactNode }) {
  const { name, namespace = "" } = job.metadata;
  const { tab } = useSearch({ from: FROM });
  const navigate = useNavigate({ from: FROM });
  const { kind } = family.of;
  return (
    <Page
      title={name}
      crumbs={crumbs}
      facts={
        <>
          <span>{kind}</span>
          <Mark phase={state(job)} />
          <Duration from={begun(job)} to={ended(job)} />
        </>
      }
      actions={
        <>
          <Pausing family={family} job={job} />
          <NewObject
            label="Clone"
            look="plain"
            Icon={Clone}
            kinds={[family.of]}
            namespace={namespace}
            template={again(family, job)}
            onCreated={(made) => void navigate({ to: "/$namespace/training/$kind/$name", params: { namespace, kind: family.slug, name: made.metadata.name }, search: {} })}
          />
          <DeleteButton
            of={family.of}
            item={job}
            consequence="Its replicas end at once; what they wrote to volumes stays."
            onDeleted={() => void navigate({ to: "/$namespace/training", params: { namespace } })}
          />
        </>
      }
    >
      {state(job) === "Failed" ? <Why family={family} job={job} /> : null}
      <Tabs
        label="About this job"
        value={tab}
        onChange={(value) => void navigate({ search: { tab: value }, replace: true })}
        tabs={[
          { value: "replicas", label: "Replicas", content: <Replicas family={family} job={job} /> },
          { value: "conditions", label: "Conditions", content: <Conditions items={job.status?.conditions} /> },
          { value: "events", label: "Events", content: <Events namespace={namespace} name={name} kind={kind} /> },
          { value: "yaml", label: "YAML", content: <Yaml of={family.of} item={job} /> },
        ]}
      />
    </Page>
  );
}

/** The same to be run again, without what the server added. */
function again(family: Family, { metadata: { name, labels }, spec }: TrainingJob): string {
  const metadata = { generateName: `${name.slice(0, 40)}-`, ...(labels ? { labels } : {}) };
  return stringify({ apiVersion: family.of.apiVersion, kind: family.of.kind, metadata, spec }, { lineWidth: 0, aliasDuplicateObjects: false });
}

/** The controller's words, and the last ones of the replica that failed first. */
function Why({ family, job }: { family: Family; job: TrainingJob }) {
  const { name, namespace = "" } = job.metadata;
  const { items } = useMany(POD, namespace, { labels: selector(family, name) });
  const failed = items.toSorted((a, b) => a.metadata.creationTimestamp.localeCompare(b.metadata.creationTimestamp)).find((p) => p.status?.phase === "Failed");
  const said = useLastLines(namespace, failed?.metadata.name ?? "", failed?.spec.containers[0]?.name ?? "");
  return (
    <section className="why" aria-label="Why it failed">
      <p>
        {failed ? (
          <>
            <Link from={FROM} to="." search={{ tab: "replicas", pod: failed.metadata.name }}>
              {failed.metadata.name}
            </Link>{" "}
          </>
        ) : null}
        {standing(job)?.message}
      </p>
      {said ? (
        <pre tabIndex={0} role="log" aria-label="The last lines of its log">
          {said}
        </pre>
      ) : null}
    </section>
  );
}

function Pausing({ family, job }: { family: Family; job: TrainingJob }) {
  const { name, namespace = "" } = job.metadata;
  const on = suspended(job);
  if (over(job)) return null;
  const write = () =>
    attempt(mergePatch(object(family.of, namespace, name), suspend(family, !on)), on ? `${name} goes on` : `${name} is suspended`);
  return (
    <Button Icon={on ? Play : Pause} onClick={() => void write()}>
      {on ? "Resume" : "Suspend"}
    </Button>
  );
}

function Replicas({ family, job }: { family: Family; job: TrainingJob }) {
  const { name, namespace = "" } = job.metadata;
  const { items, loaded } = useMany(POD, namespace, { labels: selector(family, name) });
  const { pod: chosen } = useSearch({ from: FROM });
  const navigate = useNavigate({ from: FROM });
  const pods = useMemo(() => items.toSorted((a, b) => place(a).localeCompare(place(b), undefined, { numeric: true })), [items]);
  const columns = useMemo(
    () => columnsOf((pod) => void navigate({ search: { tab: "replicas", pod }, replace: true })),
    [navigate],
  );
  const shown = pods.find((p) => p.metadata.name === chosen) ?? pods[0];
  const progress = job.status?.trainerStatus?.progressPercentage;
  return (
    <>
      <Stats>
        <Stat name="Replicas" value={replicas(family, job)} />
        <Stat name="Running now" value={pods.filter((p) => p.status?.phase === "Running").length} />
        <Stat name="Restarts" value={pods.reduce((sum, p) => sum + restarts(p), 0)} />
        {progress === undefined ? null : <Stat name="Progress" value={`${progress} %`} share={progress / 100} />}
      </Stats>
      {pods.length ? <Table label="Replicas" columns={columns} rows={pods} id={(p) => p.metadata.uid} selected={(p) => p === shown} /> : null}
      {loaded && !pods.length ? <p className="dim">{nobody(job)}</p> : null}
      {shown ? <Replica key={shown.metadata.uid} pod={shown} /> : null}
    </>
  );
}

/** One replica: its log, what it was told of the others, what happened to it. */
function Replica({ pod }: { pod: Pod }) {
  const { name, namespace = "" } = pod.metadata;
  const known = told(pod);
  const again = restarts(pod) > 0;
  return (
    <section className="replica-parts" aria-label={`Replica ${name}`}>
      <h2>{name}</h2>
      <Tabs
        label="About this replica"
        tabs={[
          { value: "log", label: "Log", content: <LogOf pod={pod} /> },
          ...(again ? [{ value: "before", label: "Log before its restart", content: <LogOf pod={pod} previous /> }] : []),
          { value: "told", label: "What it is told", content: known.length ? <Told rows={known} /> : <p className="dim">Nothing of the others: its framework needs no variables.</p> },
          { value: "events", label: "Events", content: <Events namespace={namespace} name={name} kind="Pod" /> },
        ]}
      />
    </section>
  );
}

function Told({ rows }: { rows: [string, string][] }) {
  return (
    <div className="told">
      <Facts rows={rows.map(([name, value]): [string, React.ReactNode] => [name, <pre key={name} tabIndex={0} role="region" aria-label={name}>{value}</pre>])} />
    </div>
  );
}

function LogOf({ pod, previous = false }: { pod: Pod; previous?: boolean }) {
  const { name, namespace = "" } = pod.metadata;
  const begun = (pod.status?.containerStatuses ?? []).some((c) => c.restartCount > 0 || (c.state && !("waiting" in c.state)));
  const container = pod.spec.containers[0]?.name ?? "";
  const path = previous ? `${object(POD, namespace, name, "log")}?container=${encodeURIComponent(container)}&previous=true&tailLines=5000` : paths.log(namespace, name, container);
  return <LogView path={begun ? path : null} name={name} />;
}

function nobody(job: TrainingJob): string {
  if (suspended(job)) return "It is suspended: no replica runs until it is resumed.";
  return over(job) ? "Its replicas were cleaned up when it ended (runPolicy.cleanPodPolicy)." : "No replica yet. Its events say why.";
}

function place(pod: Pod): string {
  const { type, index } = role(pod.metadata.labels);
  return `${type} ${index}`;
}

function columnsOf(choose: (pod: string) => void): Column<Pod>[] {
  return [
    {
      title: "Replica",
      cell: (p) => (
        <button type="button" className="link" onClick={() => choose(p.metadata.name)}>
          {p.metadata.name}
        </button>
      ),
      by: place,
    },
    { title: "Type", cell: (p) => role(p.metadata.labels).type, by: (p) => role(p.metadata.labels).type },
    { title: "Index", number: true, cell: (p) => role(p.metadata.labels).index, by: (p) => role(p.metadata.labels).index },
    { title: "State", cell: (p) => <Mark phase={podState(p)} />, by: podState },
    { title: "Restarts", number: true, cell: restarts, by: restarts },
    { title: "Age", cell: (p) => <Ago at={p.metadata.creationTimestamp} bare /> },
    { title: "Message", cell: (p) => <div className="message">{p.status?.message ?? p.status?.reason}</div> },
  ];
}
