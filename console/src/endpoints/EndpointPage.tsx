import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useOne } from "../api/resources";
import { Conditions } from "../objects/Conditions";
import { DeleteButton } from "../objects/DeleteButton";
import { Events } from "../objects/Events";
import { Yaml } from "../objects/Yaml";
import { Copy } from "../ui/Copy";
import { Facts } from "../ui/Facts";
import { Page } from "../ui/Page";
import { Tabs } from "../ui/Tabs";
import { Empty, Problem } from "../ui/notes";
import { Ago } from "../ui/time";
import { Readiness } from "./EndpointList";
import { Measures } from "./Measures";
import { Replicas } from "./Replicas";
import { Traffic, Variants } from "./Traffic";
import { TryIt } from "./TryIt";
import { type InferenceService, PARTS, SERVICE, format, readiness, standard, storage } from "./kinds";
import "./endpoints.css";

const FROM = "/$namespace/endpoints/$name";

export function EndpointPage() {
  const { namespace, name } = useParams({ from: FROM });
  const { item: service, loaded, error } = useOne(SERVICE, namespace, name);
  const back = (
    <Link to="/$namespace/endpoints" params={{ namespace }}>
      Endpoints
    </Link>
  );
  if (error)
    return (
      <Page title={name} crumbs={back}>
        <Problem error={error} />
      </Page>
    );
  if (!service)
    return loaded ? (
      <Empty title={`There is no endpoint ${name} in ${namespace}`} level={1}>
        {back}
      </Empty>
    ) : null;
  return <Found service={service} crumbs={back} />;
}

function Found({ service, crumbs }: { service: InferenceService; crumbs: React.ReactNode }) {
  const { name, namespace = "" } = service.metadata;
  const { tab } = useSearch({ from: FROM });
  const navigate = useNavigate({ from: FROM });
  const url = service.status?.url ?? "";
  return (
    <Page
      title={name}
      crumbs={crumbs}
      facts={
        <>
          <Readiness conditions={service.status?.conditions} />
          {url ? (
            <span className="address">
              <a href={url} target="_blank" rel="noreferrer">
                {url}
              </a>
              <Copy text={url} label="Copy the address" />
            </span>
          ) : null}
        </>
      }
      actions={
        <DeleteButton
          of={SERVICE}
          item={service}
          consequence="Its pods end, and its address answers nobody any more. The model's files stay."
          onDeleted={() => void navigate({ to: "/$namespace/endpoints", params: { namespace } })}
        />
      }
    >
      <Trouble service={service} />
      <Tabs
        label="About this endpoint"
        value={tab}
        onChange={(value) => void navigate({ search: { tab: value }, replace: true })}
        tabs={[
          { value: "traffic", label: "Traffic", content: <Overview service={service} /> },
          { value: "try", label: "Try it", content: <TryIt key={service.metadata.uid} service={service} /> },
          { value: "replicas", label: "Replicas and logs", content: <Replicas service={service} /> },
          { value: "conditions", label: "Conditions", content: <Conditions items={service.status?.conditions} /> },
          { value: "events", label: "Events", content: <Events namespace={namespace} name={name} kind="InferenceService" /> },
          { value: "yaml", label: "YAML", content: <Yaml of={SERVICE} item={service} /> },
        ]}
      />
    </Page>
  );
}

/** Why it is not ready, before everything else. */
function Trouble({ service }: { service: InferenceService }) {
  const ready = readiness(service.status?.conditions);
  const failure = service.status?.modelStatus?.lastFailureInfo;
  if (failure?.message)
    return (
      <div role="alert" className="problem">
        <strong>{failure.reason}</strong> {failure.message}
      </div>
    );
  if (!ready || ready.status === "True") return null;
  return <p className="warning">{ready.message || `It is not ready: ${ready.reason || "its pods are starting"}.`}</p>;
}

function Overview({ service }: { service: InferenceService }) {
  const uri = storage(service);
  const parts = PARTS.filter((part) => service.status?.components?.[part]);
  return (
    <>
      <Variants service={service} />
      {parts.map((part) => (
        <section key={part} className="part">
          {parts.length > 1 ? <h2>{part}</h2> : null}
          <Traffic service={service} part={part} />
        </section>
      ))}
      <Measures service={service} />
      <section className="part">
        <h2>Model</h2>
        <Facts
          rows={[
            ["Format", format(service)],
            ["Stored at", uri ? <span key="uri" className="mono">{uri}</span> : ""],
            ["Runtime", service.spec.predictor?.model?.runtime],
            ["Protocol", service.spec.predictor?.model?.protocolVersion],
            ["Mode", standard(service) ? "Standard" : "Knative"],
            ["State", service.status?.modelStatus?.states?.activeModelState],
            ["Lineage", <LineageLink key="lineage" service={service} />],
            ["Created", <Ago key="ago" at={service.metadata.creationTimestamp} />],
          ]}
        />
      </section>
    </>
  );
}

function LineageLink({ service }: { service: InferenceService }) {
  const { name, namespace = "" } = service.metadata;
  return (
    <Link to="/$namespace/lineage" params={{ namespace }} search={{ of: `endpoint/${name}` }}>
      Where it comes from
    </Link>
  );
}
