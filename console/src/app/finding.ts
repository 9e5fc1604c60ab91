/** What the command palette finds in a namespace: objects of every kind that has a page. */

import { useMemo } from "react";
import { useGroups } from "../api/groups";
import { useLives } from "../api/live";
import { CLAIM, CRON_WORKFLOW, INFERENCE_GRAPH, type Resource, WORKFLOW, WORKFLOW_TEMPLATE, collection, newestFirst } from "../api/resources";
import type { KubeObject } from "../api/types";
import { SHOWN } from "../home/places";

interface Findable {
  of: Resource;
  word: string;
  /** With `$namespace` and `$name`. */
  page: string;
}

const FINDABLE: Findable[] = [
  { of: WORKFLOW, word: "Workflow", page: "/$namespace/workflows/$name" },
  { of: WORKFLOW_TEMPLATE, word: "Template", page: "/$namespace/templates/workflowtemplates/$name" },
  { of: CRON_WORKFLOW, word: "Schedule", page: "/$namespace/schedules/$name" },
  { of: INFERENCE_GRAPH, word: "Graph of models", page: "/$namespace/endpoints/graphs/$name" },
  { of: CLAIM, word: "Volume", page: "/$namespace/volumes/$name" },
  ...SHOWN.map(({ of, word, page }) => ({ of, word, page })),
];

export interface Thing {
  id: string;
  word: string;
  name: string;
  to: string;
}

/** The newest first; one that another object made is found through that one. */
export function useThings(namespace: string): Thing[] {
  const groups = useGroups();
  const kinds = useMemo(() => FINDABLE.filter((each) => each.of.apiVersion === "v1" || groups?.has(each.of.apiVersion)), [groups]);
  const paths = useMemo(() => kinds.map(({ of }) => `${collection(of, namespace)}${of.lean ? `?${of.lean}` : ""}`), [kinds, namespace]);
  const feeds = useLives<KubeObject>(paths);
  return useMemo(() => {
    const found = feeds.flatMap(({ items }, i) => [...items.values()].map((item) => ({ item, kind: kinds[i] })));
    return found.sort((a, b) => newestFirst(a.item, b.item)).flatMap(({ item, kind }) => (kind ? [thing(item, kind, namespace)] : []));
  }, [feeds, kinds, namespace]);
}

function thing({ metadata: { name, uid } }: KubeObject, { word, page }: Findable, namespace: string): Thing {
  const to = page.replace("$namespace", encodeURIComponent(namespace)).replace("$name", encodeURIComponent(name));
  return { id: uid, word, name, to };
}

/** Every word must be somewhere in it; what begins with the first one comes first. */
export function matching<T>(all: readonly T[], q: string, text: (one: T) => string, most: number): T[] {
  const words = q.toLowerCase().split(/\s+/).filter(Boolean);
  const first = words[0] ?? "";
  const found = all.filter((one) => words.every((word) => text(one).toLowerCase().includes(word)));
  const begins = (one: T) => (text(one).toLowerCase().startsWith(first) ? 0 : 1);
  return found.sort((a, b) => begins(a) - begins(b)).slice(0, most);
}
