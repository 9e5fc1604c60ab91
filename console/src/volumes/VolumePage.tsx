/** One volume: its files, what happened to it, its document. */

import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useGroups } from "../api/groups";
import { useOne } from "../api/resources";
import { DeleteButton } from "../objects/DeleteButton";
import { Events } from "../objects/Events";
import { Yaml } from "../objects/Yaml";
import { Mark } from "../ui/Mark";
import { Page } from "../ui/Page";
import { Tabs } from "../ui/Tabs";
import { Empty, Problem } from "../ui/notes";
import { Files } from "./Files";
import { Used } from "./VolumeList";
import { modes, roomOf } from "./claims";
import { CLAIM, type Claim } from "./kinds";
import "./volumes.css";

const FROM = "/$namespace/volumes/$name";

export function VolumePage() {
  const { namespace, name } = useParams({ from: FROM });
  const { item, loaded, error } = useOne(CLAIM, namespace, name);
  const crumbs = (
    <Link to="/$namespace/volumes" params={{ namespace }}>
      Volumes
    </Link>
  );
  if (item) return <Volume claim={item} crumbs={crumbs} />;
  return (
    <Page title={name} crumbs={crumbs}>
      {error ? <Problem error={error} /> : null}
      {loaded && !error ? <Empty title="There is no such volume">It may have been deleted.</Empty> : null}
    </Page>
  );
}

function Volume({ claim, crumbs }: { claim: Claim; crumbs: React.ReactNode }) {
  const { name, namespace = "" } = claim.metadata;
  const { tab } = useSearch({ from: FROM });
  const navigate = useNavigate({ from: FROM });
  const tabs = [
    { value: "files", label: "Files", content: <Contents claim={claim} /> },
    { value: "events", label: "Events", content: <Events namespace={namespace} name={name} kind={CLAIM.kind} /> },
    { value: "yaml", label: "YAML", content: <Yaml of={CLAIM} item={claim} /> },
  ];
  return (
    <Page
      title={name}
      crumbs={crumbs}
      facts={
        <>
          <Mark phase={claim.status?.phase} />
          <span className="number">
            <Used claim={claim} /> of {roomOf(claim)}
          </span>
          <span>{modes(claim)}</span>
        </>
      }
      actions={
        <DeleteButton
          of={CLAIM}
          item={claim}
          consequence="Every file in it is deleted."
          onDeleted={() => void navigate({ to: "/$namespace/volumes", params: { namespace } })}
        />
      }
    >
      <Tabs label="Volume" tabs={tabs} value={tab} onChange={(value) => void navigate({ search: (now) => ({ ...now, tab: value }), replace: true })} />
    </Page>
  );
}

function Contents({ claim }: { claim: Claim }) {
  const groups = useGroups();
  const { path = "" } = useSearch({ from: FROM });
  if (groups && !groups.has("pinnace.dev/v1"))
    return <p className="dim">This cluster does not show the files of its volumes: mount the claim in a pod, and use kubectl cp.</p>;
  if (claim.status?.phase !== "Bound") return <p className="dim">It is not bound yet: there is no place for files. Its events say why.</p>;
  return <Files key={claim.metadata.uid} namespace={claim.metadata.namespace ?? ""} claim={claim.metadata.name} path={path} />;
}
