/** How an open document is saved: under its name, over the version that one began with and no other. */

import { useNavigate } from "@tanstack/react-router";
import { useCallback, useState } from "react";
import { KubeError, get } from "../api/kube";
import { type Resource, object } from "../api/resources";
import type { KubeObject } from "../api/types";
import { attempt, complain, notify } from "../ui/toasts";
import { useMe } from "../api/me";
import type { Opened } from "./ComposerPage";
import { merged } from "./document/three";
import * as drafts from "./drafts";
import { obj } from "./ports/read";
import { type Base, resourceOf, save, shown } from "./saving";
import type { Studio } from "./studio";

const FROM = "/$namespace/composer/$kind/$name";
export const UNREADABLE = new Error("The text cannot be read: mend it first");

type Doc = Record<string, unknown>;

/** What has to be answered before it is saved. */
export type SaveQuestion = { what: "name" } | { what: "version"; base: Base | null } | { what: "conflict"; theirs: Base };

export interface Keeping {
  /** What it was when it was last the server's; null: never. */
  base: Base | null;
  changed: boolean;
  /** It is being saved: what the server says meanwhile is no news. */
  busy: boolean;
  setBase(base: Base | null): void;
  save(): void;
  saveAs(kind: string, name: string): Promise<void>;
  takeTheirs(theirs: Base): void;
  /** Both: what both changed stays as it is here, and is told. */
  merge(theirs: Base): void;
  /** The next save goes over theirs. */
  over(theirs: Base): void;
  keepMine(theirs: Base): Promise<void>;
  /** It was deleted, and is to be again. */
  saveAnew(): void;
}

export function useKeeping(studio: Studio, namespace: string, opened: Opened, ask: (question: SaveQuestion | null) => void): Keeping {
  const [base, setBase] = useState<Base | null>(opened.base);
  const [busy, setBusy] = useState(false);
  const navigate = useNavigate({ from: FROM });
  const me = useMe();
  const { document, text } = studio;

  const stored = useCallback(
    (of: Resource, item: KubeObject, first: boolean) => {
      drafts.discard(opened.id);
      setBase({ ...shown(of, item), text });
      ask(null);
      notify(`${of.kind} ${item.metadata.name} saved`);
      const params = { namespace, kind: of.kind, name: item.metadata.name };
      if (first) void navigate({ to: FROM, params, search: (old) => old, replace: true });
    },
    [ask, namespace, navigate, opened.id, text],
  );

  async function store(whole: Doc, over: Base | null): Promise<void> {
    const of = resourceOf(whole.kind);
    setBusy(true);
    try {
      const item = await save(whole, namespace, over, me);
      if (of) stored(of, item, over === null);
    } catch (problem) {
      const { code } = KubeError.of(problem);
      if (!of || over === null || (code !== 409 && code !== 404)) throw problem;
      if (code === 404) await store(whole, null);
      else ask({ what: "conflict", theirs: await current(of, namespace, whole) });
    } finally {
      setBusy(false);
    }
  }

  /** What is here now was made knowing theirs. */
  function settle(theirs: Base): void {
    setBase(theirs);
    ask(null);
  }

  return {
    base,
    changed: base === null || text !== base.text,
    busy,
    setBase,
    save: () => {
      if (studio.language?.kept !== "object") return;
      if (studio.trouble) complain(UNREADABLE);
      else if (nameless(document, base)) ask({ what: "name" });
      else void attempt(store(document, base));
    },
    saveAs: (kind, name) => store(named(document, kind, name), null),
    takeTheirs: (theirs) => {
      studio.replace(theirs.text, "Take the other version");
      settle(theirs);
    },
    merge: (theirs) => {
      try {
        const { text: both, conflicts } = merged(text, base?.printed ?? theirs.printed, theirs.printed);
        studio.replace(both, "Merge with the other version");
        settle(theirs);
        notify(conflicts.length ? `Merged. Both changed ${conflicts.join(", ")}: yours stands` : "Merged: both versions are in it");
      } catch (problem) {
        complain(problem);
      }
    },
    over: settle,
    keepMine: (theirs) => store(document, theirs),
    saveAnew: () => void attempt(store(document, null)),
  };
}

async function current(of: Resource, namespace: string, whole: Doc): Promise<Base> {
  return shown(of, await get<KubeObject>(object(of, namespace, String(obj(whole.metadata).name))));
}

/** A Workflow is a run: what is kept of it is a template, under a name of its own. */
function nameless(document: Doc, base: Base | null): boolean {
  return document.kind === "Workflow" || (!obj(document.metadata).name && base === null);
}

function named(document: Doc, kind: string, name: string): Doc {
  const whole = structuredClone(document) as Doc;
  const { generateName: _, ...rest } = obj(whole.metadata);
  return { ...whole, kind, metadata: { ...rest, name } };
}
