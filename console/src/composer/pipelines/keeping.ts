/** How a pipeline is kept: each save is a version of it, which nobody changes any more. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { Document } from "yaml";
import { type KubeError, get } from "../../api/kube";
import { type Pipeline, type Version, upload, uploadVersion } from "../../pipelines/kfp";
import { complain, notify } from "../../ui/toasts";
import type { Opened } from "../ComposerPage";
import * as drafts from "../drafts";
import { type Keeping, type SaveQuestion, UNREADABLE } from "../keeping";
import { obj } from "../ports/read";
import type { Base } from "../saving";
import type { Studio } from "../studio";

const FROM = "/$namespace/composer/$kind/$name";
const API = "/apis/v2beta1";
/** In an address of the composer: of a stored pipeline, by its id. */
export const PIPELINE = "Pipeline";

type Obj = Record<string, unknown>;

/** A pipeline's newest version, as text. */
export interface Stored {
  pipeline: Pipeline;
  versions: Version[];
  text: string;
}

export function textOf(version: Version | undefined): string {
  const spec = (version?.pipeline_spec ?? {}) as Obj;
  const ir = obj(spec.pipeline_spec ?? spec);
  const platform = obj(spec.platform_spec);
  const print = (value: Obj) => new Document(value).toString({ lineWidth: 0 });
  return print(ir) + (Object.keys(platform).length ? `---\n${print(platform)}` : "");
}

export async function newest(id: string, signal?: AbortSignal): Promise<Stored> {
  const at = `${API}/pipelines/${encodeURIComponent(id)}`;
  const [pipeline, { pipeline_versions: versions = [] }] = await Promise.all([
    get<Pipeline>(at, signal),
    get<{ pipeline_versions?: Version[] }>(`${at}/versions?page_size=200&sort_by=created_at%20desc`, signal),
  ]);
  return { pipeline, versions, text: textOf(versions[0]) };
}

export function useStored(id: string, wanted: boolean) {
  return useQuery<Stored, KubeError>({
    queryKey: ["composer", "pipeline", id],
    queryFn: ({ signal }) => newest(id, signal),
    enabled: wanted,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
    retry: false,
  });
}

/** What a save goes on from: the version's id is what a resourceVersion is to objects. */
export function baseOf({ pipeline, versions, text }: Stored): Base {
  const latest = versions[0];
  return {
    text, printed: text, resourceVersion: latest?.pipeline_version_id ?? "",
    hidden: { pipeline: pipeline.pipeline_id, name: pipeline.display_name, next: nextVersion(pipeline.display_name, versions) },
  };
}

/** `iris` has `iris`, `iris-2`, … */
export function nextVersion(name: string, versions: readonly Version[]): string {
  const taken = new Set(versions.map((each) => each.display_name));
  for (let n = versions.length + 1; ; n++) if (!taken.has(`${name}-${n}`)) return `${name}-${n}`;
}

export function usePipelineKeeping(studio: Studio, namespace: string, opened: Opened, ask: (question: SaveQuestion | null) => void): Keeping {
  const [base, setBase] = useState<Base | null>(opened.base);
  const [busy, setBusy] = useState(false);
  const navigate = useNavigate({ from: FROM });
  const client = useQueryClient();
  const { text } = studio;

  /** A version of what it was opened from; of nothing, a pipeline. */
  async function store(_: string, name: string): Promise<void> {
    setBusy(true);
    try {
      const id = base?.hidden.pipeline ?? (await upload(name, "", text)).pipeline_id;
      if (base) await uploadVersion(id, name, "", text);
      drafts.discard(opened.id);
      setBase({ ...baseOf(await newest(id)), text });
      ask(null);
      notify(base ? `${base.hidden.name} has the version ${name}` : `The pipeline ${name} is saved`);
      void client.invalidateQueries({ queryKey: ["kfp"] });
      if (!base) void navigate({ to: FROM, params: { namespace, kind: PIPELINE, name: id }, search: (old) => old, replace: true });
    } finally {
      setBusy(false);
    }
  }

  return {
    base,
    changed: base === null || text !== base.text,
    busy,
    setBase,
    save: () => {
      if (studio.language?.kept !== "pipeline") return;
      if (studio.trouble) complain(UNREADABLE);
      else ask({ what: "version", base });
    },
    saveAs: store,
    takeTheirs: (theirs) => studio.replace(theirs.text, "Take the other version"),
    merge: () => undefined,
    over: setBase,
    keepMine: async () => undefined,
    saveAnew: () => ask({ what: "version", base: null }),
  };
}
