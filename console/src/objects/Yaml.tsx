/**
 * Any object as the YAML that it is, and edited as such.
 *
 * A save is a PUT with the resourceVersion that the reader began with: who comes second is told, sees what changed,
 * and decides; nothing is overwritten unseen.
 */

import { useState } from "react";
import { parse, stringify } from "yaml";
import { KubeError, get, replace } from "../api/kube";
import { type Resource, object } from "../api/resources";
import type { KubeObject } from "../api/types";
import { Button } from "../ui/Button";
import { Code } from "../ui/Code";
import { Problem } from "../ui/notes";
import { notify } from "../ui/toasts";

type WithStatus = KubeObject & { status?: unknown };

/** Without the bookkeeping that nobody reads. */
export function text(item: KubeObject): string {
  const { managedFields: _, ...metadata } = item.metadata as KubeObject["metadata"] & { managedFields?: unknown };
  return stringify({ ...item, metadata }, { lineWidth: 0, aliasDuplicateObjects: false });
}

export function Yaml({ of, item, readOnly = false }: { of: Resource; item: KubeObject; readOnly?: boolean }) {
  const [draft, setDraft] = useState<{ text: string; version: string } | null>(null);
  const [error, setError] = useState<KubeError | null>(null);
  const kept = text({ apiVersion: of.apiVersion, kind: of.kind, ...item });
  const behind = draft !== null && draft.version !== item.metadata.resourceVersion;

  async function save() {
    if (!draft) return;
    setError(null);
    try {
      const path = object(of, item.metadata.namespace ?? "", item.metadata.name);
      const wanted = parse(draft.text) as WithStatus;
      wanted.metadata.resourceVersion = draft.version;
      // What was shown without a part of its status would be saved without it: a run would lose its nodes.
      if (of.lean) wanted.status = (await get<WithStatus>(path)).status;
      await replace(path, wanted);
      notify(`${of.kind} ${item.metadata.name} saved`);
      setDraft(null);
    } catch (problem) {
      setError(KubeError.of(problem));
    }
  }

  return (
    <div className="yaml">
      <div className="tools">
        {draft ? (
          <>
            <Button look="primary" onClick={() => void save()}>
              Save
            </Button>
            <Button onClick={() => setDraft(null)}>Discard</Button>
          </>
        ) : readOnly ? null : (
          <Button onClick={() => setDraft({ text: kept, version: item.metadata.resourceVersion })}>Edit</Button>
        )}
      </div>
      {behind ? (
        <p role="status" className="warning">
          It was changed by somebody else since you began.{" "}
          <Button look="ghost" onClick={() => setDraft({ text: kept, version: item.metadata.resourceVersion })}>
            Show the new version
          </Button>{" "}
          Saving yours now is refused.
        </p>
      ) : null}
      {error ? <Problem error={error} /> : null}
      <div className="yaml-text">
        {draft ? (
          <Code
            key="draft"
            label={`${of.kind} ${item.metadata.name}, YAML`}
            language="yaml"
            value={draft.text}
            onChange={(value) => setDraft({ ...draft, text: value })}
          />
        ) : (
          <Code key="kept" label={`${of.kind} ${item.metadata.name}, YAML`} language="yaml" value={kept} />
        )}
      </div>
    </div>
  );
}
