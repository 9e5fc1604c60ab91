/** A document, from wherever it is: a draft of this browser, or an object of the server. */

import { Link, useParams } from "@tanstack/react-router";
import { useQuery } from "@tanstack/react-query";
import { KubeError, get } from "../api/kube";
import { object } from "../api/resources";
import type { KubeObject } from "../api/types";
import { useTitle } from "../ui/Page";
import { Empty, Problem } from "../ui/notes";
import { Composer } from "./Composer";
import "./composer.css";
import { type Draft, draftOf, load } from "./drafts";
import { PIPELINE, baseOf, useStored } from "./pipelines/keeping";
import { type Base, resourceOf, shown } from "./saving";

const FROM = "/$namespace/composer/$kind/$name";

export interface Opened {
  id: string;
  text: string;
  base: Base | null;
  /** It comes from a draft that is newer than what is saved. */
  unsaved: boolean;
}

export function ComposerPage() {
  const { namespace, kind, name } = useParams({ from: FROM });
  useTitle(kind === "draft" ? "Composer" : name, "Composer");
  if (kind === "draft") return <FromDraft key={name} namespace={namespace} id={name} />;
  if (kind === PIPELINE) return <FromPipelines key={name} namespace={namespace} id={name} />;
  return <FromServer key={`${kind} ${name}`} namespace={namespace} kind={kind} name={name} />;
}

function FromDraft({ namespace, id }: { namespace: string; id: string }) {
  const draft = load(id);
  if (!draft) return <Gone namespace={namespace} what="That draft is not in this browser any more" />;
  return <Composer namespace={namespace} opened={opened(draft)} />;
}

function opened({ id, text, base }: Draft): Opened {
  return { id, text, base, unsaved: true };
}

/** A stored pipeline: its newest version. */
function FromPipelines({ namespace, id: pipeline }: { namespace: string; id: string }) {
  const id = draftOf(namespace, PIPELINE, pipeline);
  const { data, error } = useStored(pipeline, true);
  useTitle(data?.pipeline.display_name ?? "Pipeline", "Composer");
  if (error) return error.code === 404 ? <Gone namespace={namespace} what="There is no such pipeline" /> : <Problem error={error} />;
  if (!data) return null;
  const base = baseOf(data);
  const draft = load(id);
  const kept = draft && draft.text !== base.text ? draft : null;
  return <Composer namespace={namespace} opened={{ id, text: kept?.text ?? base.text, base: kept?.base ? { ...base, text: kept.base.text } : base, unsaved: kept !== null }} />;
}

function FromServer({ namespace, kind, name }: { namespace: string; kind: string; name: string }) {
  const of = resourceOf(kind);
  const id = draftOf(namespace, kind, name);
  const found = useQuery({
    queryKey: ["composer", namespace, kind, name],
    queryFn: ({ signal }) => get<KubeObject>(of ? object(of, namespace, name) : "", signal),
    enabled: of !== undefined,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
    retry: false,
  });
  if (!of) return <Gone namespace={namespace} what={`The composer does not draw a ${kind}`} />;
  const draft = load(id);
  if (found.error) {
    const error = KubeError.of(found.error);
    if (error.code !== 404) return <Problem error={error} />;
    // What was deleted on the server may be all there is of somebody's work.
    if (draft) return <Composer namespace={namespace} opened={{ ...opened(draft), base: null }} />;
    return <Gone namespace={namespace} what={`There is no ${kind} ${name} in ${namespace}`} />;
  }
  if (!found.data) return null;
  const base = shown(of, found.data);
  const kept = draft && draft.text !== base.text ? draft : null;
  // A finished or running Workflow is not edited in place: what is drawn from it is a new one.
  const saved = kind === "Workflow" ? null : base;
  return <Composer namespace={namespace} opened={{ id, text: kept?.text ?? base.text, base: kept?.base ?? saved, unsaved: kept !== null }} />;
}

function Gone({ namespace, what }: { namespace: string; what: string }) {
  return (
    <Empty title={what} level={1}>
      <Link to="/$namespace/composer" params={{ namespace }}>
        To the composer's start
      </Link>
    </Empty>
  );
}
