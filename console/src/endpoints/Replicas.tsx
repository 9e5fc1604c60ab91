/** The pods behind an endpoint, by revision, and what they print. */

import { useNavigate, useSearch } from "@tanstack/react-router";
import { useMemo } from "react";
import { POD, useMany } from "../api/resources";
import type { Pod } from "../api/types";
import { PodLog } from "../objects/PodLog";
import { restarts, state } from "../objects/pods";
import { Mark } from "../ui/Mark";
import { type Column, Table } from "../ui/Table";
import { Problem } from "../ui/notes";
import { Ago } from "../ui/time";
import type { InferenceService } from "./kinds";

const FROM = "/$namespace/endpoints/$name";

export function Replicas({ service }: { service: InferenceService }) {
  const { name, namespace = "" } = service.metadata;
  const labels = `serving.kserve.io/inferenceservice=${name}`;
  const { items, loaded, error } = useMany(POD, namespace, { labels });
  const { pod: chosen } = useSearch({ from: FROM });
  const navigate = useNavigate({ from: FROM });
  const pods = useMemo(() => items.toSorted((a, b) => revision(b).localeCompare(revision(a))), [items]);
  const columns = useMemo(
    () => columnsOf((pod) => void navigate({ search: { tab: "replicas", pod }, replace: true })),
    [navigate],
  );
  const shown = pods.find((p) => p.metadata.name === chosen) ?? pods[0];
  if (error) return <Problem error={error} />;
  if (loaded && !pods.length) return <Asleep service={service} />;
  return (
    <div className="replicas">
      <Table label="Replicas" columns={columns} rows={pods} id={(p) => p.metadata.uid} selected={(p) => p === shown} />
      {shown ? <PodLog key={shown.metadata.uid} pod={shown} /> : null}
    </div>
  );
}

function Asleep({ service }: { service: InferenceService }) {
  const sleeps = service.spec.predictor?.minReplicas === 0;
  return (
    <p className="dim">
      {sleeps
        ? "No replica runs: nobody asked for a while. The next request starts one and waits for it."
        : "No replica runs. Its events and conditions say why."}
    </p>
  );
}

export function revision(pod: Pod): string {
  const labels = pod.metadata.labels ?? {};
  return labels["serving.knative.dev/revision"] ?? labels.component ?? "";
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
      by: (p) => p.metadata.name,
    },
    { title: "Revision", cell: revision, by: revision },
    { title: "State", cell: (p) => <Mark phase={state(p)} /> },
    { title: "Restarts", number: true, cell: restarts, by: restarts },
    { title: "Created", cell: (p) => <Ago at={p.metadata.creationTimestamp} />, by: (p) => p.metadata.creationTimestamp },
  ];
}
