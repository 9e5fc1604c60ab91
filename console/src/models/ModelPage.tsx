import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { GitFork, Pencil, Rocket } from "lucide-react";
import { type ReactNode, useState } from "react";
import { useMany } from "../api/resources";
import { SERVICE, storage } from "../endpoints/kinds";
import { SideRows } from "../ui/SideRows";
import { Button } from "../ui/Button";
import { Copy } from "../ui/Copy";
import { Facts } from "../ui/Facts";
import { Page } from "../ui/Page";
import { type Column, Table } from "../ui/Table";
import { Empty } from "../ui/notes";
import { Deploy } from "./Deploy";
import { Edit } from "./Edit";
import { Refusal, When } from "./ModelList";
import { type Version, chosen, compare, useModels } from "./registry";
import "./models.css";

const FROM = "/$namespace/models/$model";

export function ModelPage() {
  const { namespace, model: name } = useParams({ from: FROM });
  const { version: wanted } = useSearch({ from: FROM });
  const { data, error } = useModels(name);
  const [deploying, setDeploying] = useState(false);
  const [editing, setEditing] = useState(false);
  const model = data?.find((m) => m.name === name);
  const version = model ? chosen(model, wanted) : undefined;
  const back = (
    <Link to="/$namespace/models" params={{ namespace }}>
      Models
    </Link>
  );
  if (error) return <Refusal error={error} />;
  if (!model || !version)
    return data ? (
      <Empty title={`There is no registered model ${name}`} level={1}>
        {back}
      </Empty>
    ) : null;
  return (
    <Page
      title={name}
      crumbs={back}
      facts={
        <>
          <span>version {version.version}</span>
          {version.stage && version.stage !== "None" ? <span className="tag untied">{version.stage}</span> : null}
          {(version.aliases ?? []).map((alias) => (
            <span key={alias} className="tag untied">
              @{alias}
            </span>
          ))}
        </>
      }
      actions={
        <>
          <Link to="/$namespace/lineage" params={{ namespace }} search={{ of: `${name}:${version.version}` }} className="button">
            <GitFork size={15} aria-hidden /> Lineage
          </Link>
          <Button Icon={Pencil} onClick={() => setEditing(true)}>
            Edit
          </Button>
          <Button look="primary" Icon={Rocket} disabled={!version.uri} onClick={() => setDeploying(true)}>
            Deploy
          </Button>
        </>
      }
    >
      <Info version={version} />
      <Rest version={version} />
      <section className="part">
        <h2>Versions</h2>
        <Versions versions={model.versions} current={version} />
      </section>
      {editing ? <Edit version={version} onClose={() => setEditing(false)} /> : null}
      {deploying ? <Deploy version={version} onClose={() => setDeploying(false)} /> : null}
    </Page>
  );
}

/** Model info, tile by tile as the sources draw it. */
function Info({ version }: { version: Version }) {
  const { hyperparameters = {}, training_data: data = [] } = version;
  return (
    <dl className="tiles" aria-label="Model info">
      <Tile name="Version">{version.version}</Tile>
      <Tile name="Workspace">{version.workspace}</Tile>
      <Tile name="Run">
        <Run version={version} />
      </Tile>
      <Tile name="Description">{version.description}</Tile>
      <Tile name="Creation time">
        <Created at={version.created} />
      </Tile>
      <Tile name="Type">{version.type}</Tile>
      <Tile name="Hyper-parameters">
        {Object.entries(hyperparameters).map(([key, value]) => (
          <div key={key}>
            {key ? `${key}: ` : ""}
            <span className="mono">{value}</span>
          </div>
        ))}
      </Tile>
      <Tile name="Training data">
        {data.map((one) => (
          <div key={one}>{one}</div>
        ))}
      </Tile>
      <Tile name="Training framework">{version.framework}</Tile>
    </dl>
  );
}

function Tile({ name, children }: { name: string; children: ReactNode }) {
  const empty = children === undefined || children === "" || (Array.isArray(children) && children.length === 0);
  return (
    <div className="tile">
      <dt>{name}</dt>
      <dd>{empty ? <span className="dim">not said</span> : children}</dd>
    </div>
  );
}

function Created({ at }: { at: number | undefined }) {
  return at ? (
    <>
      {new Date(at).toLocaleString()}
      <div className="dim">
        <When at={at} />
      </div>
    </>
  ) : (
    <span className="dim">not said</span>
  );
}

/** `first in Workflow/digits`: the run's page, where it is a workflow. */
function Run({ version }: { version: Version }) {
  const found = /Workflow\/(\S+)$/.exec(version.run ?? "")?.[1];
  if (!version.run) return <span className="dim">not said</span>;
  if (!found || !version.workspace) return version.run;
  return (
    <Link to="/$namespace/workflows/$name" params={{ namespace: version.workspace, name: found }}>
      {version.run}
    </Link>
  );
}

/** Said in the tiles above. */
const TOLD = new Set(["type", "framework", "hyperparameters", "training_data", "workspace", "run", "description"]);

function Rest({ version }: { version: Version }) {
  const { metrics = {}, uri = "" } = version;
  const properties = Object.entries(version.properties ?? {}).filter(([name]) => !TOLD.has(name));
  return (
    <div className="grid model-rest">
      <section className="card">
        <h2>Files and service</h2>
        <Facts
          rows={[
            ["Stored at", uri ? <Address key="uri" text={uri} /> : ""],
            ["Digest", version.digest ? <Address key="digest" text={version.digest} shown={version.digest.slice(0, 16)} /> : ""],
            ["In service as", <Endpoints key="endpoints" uri={uri} />],
            ["State", version.state],
            ["Stage", version.stage],
            ["Aliases", version.aliases?.join(", ")],
          ]}
        />
      </section>
      {Object.keys(metrics).length ? (
        <section className="card">
          <h2>Metrics</h2>
          <Facts rows={Object.entries(metrics).map(([name, value]) => [name, <span key={name} className="number">{value}</span>])} />
        </section>
      ) : null}
      {properties.length ? (
        <section className="card">
          <h2>Properties</h2>
          <Facts rows={properties} />
        </section>
      ) : null}
    </div>
  );
}

function Address({ text, shown = text }: { text: string; shown?: string }) {
  return (
    <span className="address">
      <span className="mono">{shown}</span>
      <Copy text={text} />
    </span>
  );
}

/** Of any namespace: whoever serves this address. */
function Endpoints({ uri }: { uri: string }) {
  const { items } = useMany(SERVICE);
  const found = uri ? items.filter((e) => storage(e) === uri) : [];
  if (!found.length) return <span className="dim">no endpoint</span>;
  return found.map(({ metadata: { uid, name, namespace = "" } }) => (
    <Link key={uid} to="/$namespace/endpoints/$name" params={{ namespace, name }} className="spaced">
      {name}
    </Link>
  ));
}

function Versions({ versions, current }: { versions: Version[]; current: Version }) {
  const navigate = useNavigate({ from: FROM });
  const [ticked, setTicked] = useState<ReadonlySet<string>>(new Set());
  const toggle = (version: string) => {
    const next = new Set(ticked);
    if (!next.delete(version)) next.add(version);
    setTicked(next);
  };
  const picked = versions.filter((v) => ticked.has(v.version));
  const columns: Column<Version>[] = [
    ...(versions.length > 1
      ? [{ title: "Compare", quiet: true, width: "36px", cell: (v: Version) => <input type="checkbox" aria-label={`Compare version ${v.version}`} checked={ticked.has(v.version)} onChange={() => toggle(v.version)} /> }]
      : []),
    {
      title: "Version",
      cell: (v) => (
        <>
          <button type="button" className="link" onClick={() => void navigate({ search: { version: v.version } })}>
            {v.version}
          </button>
          {(v.aliases ?? []).map((alias) => (
            <span key={alias} className="tag">
              @{alias}
            </span>
          ))}
        </>
      ),
      by: (v) => v.number,
    },
    { title: "Type", cell: (v) => v.type },
    { title: "Stage", cell: (v) => (v.stage === "None" ? "" : v.stage), by: (v) => v.stage ?? "" },
    { title: "Metrics", cell: (v) => <div className="message" title={measured(v)}>{measured(v)}</div> },
    { title: "Run", cell: (v) => v.run },
    { title: "Description", cell: (v) => <div className="message">{v.description}</div> },
    { title: "Created", cell: (v) => <When at={v.created} />, by: (v) => v.created ?? 0 },
  ];
  return (
    <>
      <Table label="Versions" columns={columns} rows={versions} id={(v) => v.version} selected={(v) => v === current} />
      {picked.length > 1 ? <SideBySide versions={picked} /> : versions.length > 1 ? <p className="dim">Tick two or more to see them side by side.</p> : null}
    </>
  );
}

function measured({ metrics = {} }: Version): string {
  return Object.entries(metrics).map(([name, value]) => `${name} ${typeof value === "number" ? Number(value.toPrecision(4)) : value}`).join(", ");
}

function SideBySide({ versions }: { versions: Version[] }) {
  return (
    <section className="part">
      <h2>Side by side</h2>
      <div className="table-frame versions-compared" tabIndex={0} role="region" aria-label="Versions side by side, scrolled">
        <table aria-label="Versions side by side">
          <thead>
            <tr>
              <th>
                <span className="hidden">What</span>
              </th>
              {versions.map((v) => (
                <th key={v.version}>Version {v.version}</th>
              ))}
            </tr>
          </thead>
          {compare(versions).map(([title, rows]) => (
            <SideRows key={title} title={title} rows={rows} columns={versions.map((v) => v.version)} />
          ))}
        </table>
      </div>
    </section>
  );
}
