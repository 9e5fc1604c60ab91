import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { warm } from "../api/live";
import * as paths from "../api/paths";
import { WORKFLOW, one } from "../api/resources";
import { root } from "../app/root";
import { type Query, readQuery } from "./search";

const list = createRoute({
  getParentRoute: () => root,
  path: "/$namespace/workflows",
  component: lazyRouteComponent(() => import("./WorkflowList"), "WorkflowList"),
  validateSearch: (search: Record<string, unknown>): Query => readQuery(search),
});

const compare = createRoute({
  getParentRoute: () => root,
  path: "/$namespace/workflows/compare",
  component: lazyRouteComponent(() => import("./Compare"), "Compare"),
  validateSearch: (search: Record<string, unknown>): { runs?: string } =>
    typeof search.runs === "string" ? { runs: search.runs } : {},
});

/** Where on a run's page one is; each part may stand in a link alone. */
export interface RunSearch {
  /** The node that is looked at. */
  node?: string;
  /** What of the run: graph, timeline, steps, inputs, events, yaml. */
  view?: string;
  /** What of the node: log, data, artifacts, events. */
  tab?: string;
  container?: string;
}

const page = createRoute({
  getParentRoute: () => root,
  path: "/$namespace/workflows/$name",
  loader: ({ params: { namespace, name }, preload }) => {
    if (!preload) warm([one(WORKFLOW, namespace, name), paths.nodes(namespace, name)]);
  },
  component: lazyRouteComponent(() => import("./WorkflowPage"), "WorkflowPage"),
  validateSearch: (search: Record<string, unknown>): RunSearch => {
    const said = (["node", "view", "tab", "container"] as const).map((key) => [key, search[key]] as const);
    return Object.fromEntries(said.filter(([, value]) => typeof value === "string" && value));
  },
});

export const workflowRoutes = [list, compare, page] as const;
