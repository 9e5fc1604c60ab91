/** The components that this server and namespace have, kept true by watches. */

import { useMemo } from "react";
import { CLUSTER_WORKFLOW_TEMPLATE, INFERENCE_SERVICE, WORKFLOW_TEMPLATE, useMany } from "../api/resources";
import { services } from "./document/inference/language";
import { Library, components } from "./library";
import type { Component } from "./model";

export interface Catalogue {
  library: Library;
  services: readonly Component[];
  loaded: boolean;
}

export function useCatalogue(namespace: string): Catalogue {
  const shared = useMany(CLUSTER_WORKFLOW_TEMPLATE);
  const own = useMany(WORKFLOW_TEMPLATE, namespace);
  const models = useMany(INFERENCE_SERVICE, namespace);
  const library = useMemo(() => new Library([...components(shared.items, true), ...components(own.items, false)]), [shared.items, own.items]);
  const served = useMemo(() => services(models.items.map((each) => each.metadata.name)), [models.items]);
  return { library, services: served, loaded: shared.loaded && own.loaded };
}
