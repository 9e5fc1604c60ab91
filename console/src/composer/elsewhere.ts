/** What becomes of an open document in other hands: a newer version, or none at all. Told at once, by a watch. */

import { useParams } from "@tanstack/react-router";
import { useEffect, useMemo, useState } from "react";
import { useLive } from "../api/live";
import { type Resource, collection } from "../api/resources";
import type { KubeObject } from "../api/types";
import { same } from "./document/workflow/same";
import { parse, plain } from "./document/yaml";
import type { Keeping } from "./keeping";
import { type Author, type Base, authorOf, resourceOf, shown } from "./saving";
import type { Studio } from "./studio";

/** Milliseconds. */
const PATIENCE = 400;

export type Elsewhere = { what: "newer"; theirs: Base; author: Author } | { what: "gone"; kind: string; name: string };

export function useElsewhere(studio: Studio, namespace: string, { base, busy, setBase }: Keeping): Elsewhere | null {
  const { kind, name } = useParams({ from: "/$namespace/composer/$kind/$name" });
  const of = base ? resourceOf(kind) : undefined;
  const live = useLive<KubeObject>(of ? collection(of, namespace, { fields: `metadata.name=${name}` }) : null);
  const item = [...live.items.values()].find((each) => each.metadata.name === name);
  const theirs = useMemo(() => (of && item ? shown(of as Resource, item) : null), [of, item]);
  const lost = base !== null && live.loaded && !live.error && !live.stale && !item;

  // What only the server's bookkeeping changed is no news, but the next save must name it; nor is what stands here, too.
  useEffect(() => {
    if (!base || !theirs || busy || theirs.resourceVersion === base.resourceVersion) return;
    if (theirs.printed === base.printed) setBase({ ...base, resourceVersion: theirs.resourceVersion, hidden: theirs.hidden });
    else if (saysTheSame(studio, theirs)) setBase({ ...theirs, text: studio.text });
  }, [base, theirs, busy, studio, setBase]);
  const gone = useLasting(lost && !busy);
  const arrived = useArrival(base, theirs);

  if (gone) return { what: "gone", kind, name };
  if (!base || !theirs || !item || busy || theirs.printed === base.printed) return null;
  const author = authorOf(item);
  return { what: "newer", theirs, author: arrived ? { ...author, at: arrived } : author };
}

/** When a newer version came while this window looked on: managedFields are as old as who first wrote the field. */
function useArrival(base: Base | null, theirs: Base | null): string | undefined {
  const [seen, setSeen] = useState(false);
  const [at, setAt] = useState<string | undefined>();
  const same = base !== null && theirs !== null && base.printed === theirs.printed;
  useEffect(() => {
    if (same) {
      setSeen(true);
      setAt(undefined);
    } else if (seen && theirs) setAt(new Date().toISOString());
  }, [same, seen, theirs]);
  return at;
}

/** What is made anew here is missing for a moment: only what stays away is gone. */
function useLasting(lost: boolean): boolean {
  const [lasts, setLasts] = useState(false);
  useEffect(() => {
    setLasts(false);
    if (!lost) return;
    const timer = setTimeout(() => setLasts(true), PATIENCE);
    return () => clearTimeout(timer);
  }, [lost]);
  return lost && lasts;
}

function saysTheSame({ document, documents, trouble }: Studio, { printed }: Base): boolean {
  const [theirs] = parse(printed).documents;
  return !trouble && documents.length === 1 && theirs !== undefined && same(document, plain(theirs));
}
