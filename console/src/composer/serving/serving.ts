/** The graph that is drawn, as it is served: its object, services, counters, and the last request that was asked from here. */

import { useMemo, useState } from "react";
import type { KubeError } from "../../api/kube";
import { useLive } from "../../api/live";
import { POD, collection } from "../../api/resources";
import type { NodeStatus, Pod } from "../../api/types";
import { graphSamples, useCounts } from "../../endpoints/counting";
import { GRAPH, type InferenceGraph, type InferenceService, SERVICE } from "../../endpoints/kinds";
import type { CountedGraph } from "../../endpoints/statistics";
import type { Walked } from "../../endpoints/walks";
import { state } from "../../objects/pods";
import type { Keeping } from "../keeping";
import type { Studio } from "../studio";
import { type Here, states, taken } from "./live";
import { isServed } from "./served";

export interface Serving {
  name: string;
  /** Undefined: it is drawn, and not served. */
  object: InferenceGraph | undefined;
  counted: CountedGraph | undefined;
  /** 404: this cluster does not tell counters. */
  error: KubeError | null;
  here: Here;
  states: ReadonlyMap<string, NodeStatus>;
  taken: ReadonlySet<string>;
  show(walked: Walked | null): void;
}

const LABEL = "serving.kserve.io/inferenceservice";

/** Null for what is not served, and before it is kept. */
export function useServing({ language, document, graph }: Studio, namespace: string, { base }: Keeping): Serving | null {
  const on = isServed(language?.form);
  const name = on && base !== null ? (language?.told(document).name ?? "") : "";
  const found = useLive<InferenceGraph>(name ? collection(GRAPH, namespace, { fields: `metadata.name=${name}` }) : null);
  const services = useLive<InferenceService>(on ? collection(SERVICE, namespace) : null);
  const pods = useLive<Pod>(on ? collection(POD, namespace, { labels: LABEL }) : null);
  const { graphs, error } = useCounts(namespace, name !== "");
  const [walked, show] = useState<Walked | null>(null);
  const object = name ? [...found.items.values()][0] : undefined;
  const counted = graphs.get(name);
  const here = useMemo(
    (): Here => ({
      document,
      graph,
      services: services.loaded ? named(services.items.values()) : undefined,
      replicas: ready(pods.items.values()),
      steps: counted?.steps ?? [],
      seen: graphSamples(namespace, name),
      walked,
    }),
    [document, graph, services.loaded, services.items, pods.items, counted, namespace, name, walked],
  );
  const said = useMemo(() => (object ? { states: states(here), taken: taken(here) } : NONE), [object, here]);
  return name ? { name, object, counted, error, here, show, ...said } : null;
}

const NONE: Pick<Serving, "states" | "taken"> = { states: new Map(), taken: new Set() };

function named(items: Iterable<InferenceService>): Map<string, InferenceService> {
  return new Map([...items].map((each) => [each.metadata.name, each]));
}

function ready(pods: Iterable<Pod>): Map<string, number> {
  const found = new Map<string, number>();
  for (const pod of pods) {
    const name = pod.metadata.labels?.[LABEL];
    if (name && state(pod) === "Running") found.set(name, (found.get(name) ?? 0) + 1);
  }
  return found;
}
