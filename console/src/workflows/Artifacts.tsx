/** A step's artifacts, each looked at where it lies. What a step wrote is never trusted: see `ArtifactView`. */

import { Download } from "lucide-react";
import { useState } from "react";
import type { Artifact, NodeStatus, Workflow } from "../api/types";
import { ArtifactView } from "./ArtifactView";

interface Props {
  workflow: Workflow;
  node: NodeStatus;
  archived?: boolean;
}

export function Artifacts({ workflow, node, archived = false }: Props) {
  const all = [
    ...(node.outputs?.artifacts ?? []).map((artifact) => ({ artifact, direction: "outputs" as const })),
    ...(node.inputs?.artifacts ?? []).map((artifact) => ({ artifact, direction: "inputs" as const })),
  ];
  const [open, setOpen] = useState(0);
  return (
    <ul className="artifacts">
      {all.map(({ artifact, direction }, i) => {
        const place = where(workflow, node, artifact, direction, archived);
        return (
          <li key={`${direction} ${artifact.name}`}>
            <header>
              <button type="button" aria-expanded={open === i} className="artifact-name" onClick={() => setOpen(open === i ? -1 : i)}>
                {artifact.name}
              </button>
              <span className="dim">{direction === "inputs" ? "input" : "output"}</span>
              <a className="icon-button" href={place.download} download aria-label={`Download ${artifact.name}`} title={`Download ${artifact.name}`}>
                <Download size={16} aria-hidden />
              </a>
            </header>
            {open === i ? <ArtifactView key={place.view} path={place.view} name={fileName(artifact)} /> : null}
          </li>
        );
      })}
    </ul>
  );
}

function fileName({ s3, path, name }: Artifact): string {
  return (s3?.key ?? path ?? name).split("/").pop() ?? name;
}

export function where(workflow: Workflow, node: NodeStatus, artifact: Artifact, direction: "inputs" | "outputs", archived: boolean) {
  const { namespace = "", name, uid } = workflow.metadata;
  const [ns, id, step, file] = [namespace, archived ? uid : name, node.id, artifact.name].map(encodeURIComponent);
  const kind = archived ? "archived-workflows" : "workflows";
  const prefix = direction === "inputs" ? "input-artifacts" : "artifacts";
  return {
    view: `/artifact-files/${ns}/${kind}/${id}/${step}/${direction}/${file}`,
    download: archived ? `/${prefix}-by-uid/${id}/${step}/${file}` : `/${prefix}/${ns}/${id}/${step}/${file}`,
  };
}
