/** One notebook: what it is, what it prints, what happened to it, its document. */

import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { POD, object, useMany, useOne } from "../api/resources";
import type { Pod } from "../api/types";
import { LogView } from "../logs/LogView";
import { Events } from "../objects/Events";
import { Yaml } from "../objects/Yaml";
import { Facts } from "../ui/Facts";
import { Mark } from "../ui/Mark";
import { Page } from "../ui/Page";
import { Tabs } from "../ui/Tabs";
import { Empty, Problem } from "../ui/notes";
import { Ago } from "../ui/time";
import { Remove } from "./Remove";
import { Connect, Turn } from "./actions";
import { NOTEBOOK, type NotebookObject, OF_NOTEBOOK } from "./kinds";
import "./notebooks.css";
import { asked, claims, devices, lastActivity, main, state, typeOf } from "./state";

const FROM = "/$namespace/notebooks/$name";

export function NotebookPage() {
  const { namespace, name } = useParams({ from: FROM });
  const { item, loaded, error } = useOne(NOTEBOOK, namespace, name);
  const crumbs = (
    <Link to="/$namespace/notebooks" params={{ namespace }}>
      Notebooks
    </Link>
  );
  if (item) return <Notebook notebook={item} crumbs={crumbs} />;
  return (
    <Page title={name} crumbs={crumbs}>
      {error ? <Problem error={error} /> : null}
      {loaded && !error ? <Empty title="There is no such notebook">It may have been deleted.</Empty> : null}
    </Page>
  );
}

function Notebook({ notebook, crumbs }: { notebook: NotebookObject; crumbs: React.ReactNode }) {
  const { name, namespace = "" } = notebook.metadata;
  const { tab } = useSearch({ from: FROM });
  const navigate = useNavigate({ from: FROM });
  const { phase, tone } = state(notebook);
  const tabs = [
    { value: "overview", label: "Overview", content: <Overview notebook={notebook} /> },
    { value: "logs", label: "Logs", content: <Logs notebook={notebook} /> },
    { value: "events", label: "Events", content: <Happened notebook={notebook} /> },
    { value: "yaml", label: "YAML", content: <Yaml of={NOTEBOOK} item={notebook} /> },
  ];
  return (
    <Page
      title={name}
      crumbs={crumbs}
      facts={<Mark phase={phase} tone={tone} />}
      actions={
        <>
          <Remove notebook={notebook} onDeleted={() => void navigate({ to: "/$namespace/notebooks", params: { namespace } })} />
          <Turn notebook={notebook} />
          <Connect notebook={notebook} primary />
        </>
      }
    >
      <div className="notebook-tabs">
        <Tabs label="Notebook" tabs={tabs} value={tab} onChange={(value) => void navigate({ search: { tab: value }, replace: true })} />
      </div>
    </Page>
  );
}

function Overview({ notebook }: { notebook: NotebookObject }) {
  const { namespace = "" } = notebook.metadata;
  const { says } = state(notebook);
  const at = lastActivity(notebook);
  const limits = main(notebook)?.resources?.limits ?? {};
  const upTo = (name: string) => (limits[name] ? ` (at most ${limits[name]})` : "");
  return (
    <>
      {says && says !== "starting" ? <p className="warning">{says}</p> : null}
      <Facts
        rows={[
          ["Type", typeOf(notebook)],
          ["Image", <span key="image" className="mono">{main(notebook)?.image}</span>],
          ["CPU", asked(notebook, "cpu") && `${asked(notebook, "cpu")}${upTo("cpu")}`],
          ["Memory", asked(notebook, "memory") && `${asked(notebook, "memory")}${upTo("memory")}`],
          ["GPUs", devices(notebook).map(([name, amount]) => `${amount} ${name}`).join(", ")],
          ["Volumes", claims(notebook).length ? <Volumes key="volumes" notebook={notebook} /> : null],
          ["Account", notebook.spec.template.spec.serviceAccountName],
          ["Created", <Ago key="created" at={notebook.metadata.creationTimestamp} />],
          ["Last activity", at ? <Ago key="activity" at={at} /> : null],
          ["Inside", <code key="inside">{`NB_PREFIX=/notebook/${namespace}/${notebook.metadata.name}`}</code>],
        ]}
      />
    </>
  );
}

/** Of the server and of the pod in which it runs. */
function Happened({ notebook }: { notebook: NotebookObject }) {
  const { name, namespace = "" } = notebook.metadata;
  return (
    <>
      <Events namespace={namespace} name={name} kind="Notebook" />
      <h3>Its pod</h3>
      <Events namespace={namespace} name={`${name}-0`} kind="Pod" />
    </>
  );
}

function Volumes({ notebook }: { notebook: NotebookObject }) {
  const { namespace = "" } = notebook.metadata;
  return (
    <ul className="plain-list">
      {claims(notebook).map(({ claim, path }) => (
        <li key={claim}>
          <Link to="/$namespace/volumes/$name" params={{ namespace, name: claim }}>
            {claim}
          </Link>{" "}
          <span className="dim">at</span> <span className="mono">{path}</span>
        </li>
      ))}
    </ul>
  );
}

function Logs({ notebook }: { notebook: NotebookObject }) {
  const { name, namespace = "" } = notebook.metadata;
  const { items, loaded } = useMany(POD, namespace, { labels: `${OF_NOTEBOOK}=${name}` });
  const pod = items[0];
  if (loaded && !pod) return <p className="dim">It is not running, and its last log went with its pod.</p>;
  return pod ? (
    <div className="notebook-log">
      <LogView path={begun(pod) ? logOf(pod, notebook) : null} name={name} />
    </div>
  ) : null;
}

function logOf(pod: Pod, notebook: NotebookObject): string {
  const container = main(notebook)?.name ?? "";
  return `${object(POD, pod.metadata.namespace ?? "", pod.metadata.name, "log")}?container=${container}&follow=true&tailLines=5000`;
}

function begun(pod: Pod): boolean {
  return (pod.status?.containerStatuses ?? []).some((each) => each.state?.running ?? each.state?.terminated);
}
