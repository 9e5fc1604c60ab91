/** The components that this server and namespace have, kept true by watches. */

import { useMemo } from "react";
import { CLUSTER_WORKFLOW_TEMPLATE, INFERENCE_SERVICE, WORKFLOW_TEMPLATE, useMany } from "../api/resources";
import { services } from "./document/inference/language";
import type { Shared } from "./document/language";
import { Library, components } from "./library";
import { usePipelineShelf } from "./pipelines/shelf";

export function useCatalogue(namespace: string): Shared {
  const shared = useMany(CLUSTER_WORKFLOW_TEMPLATE);
  const own = useMany(WORKFLOW_TEMPLATE, namespace);
  const models = useMany(INFERENCE_SERVICE, namespace);
  const library = useMemo(() => new Library([...components(shared.items, true), ...components(own.items, false)]), [shared.items, own.items]);
  const served = useMemo(() => services(models.items.map((each) => each.metadata.name)), [models.items]);
  const pipelines = usePipelineShelf();
  return useMemo(() => ({ library, services: served, pipelines }), [library, served, pipelines]);
}
