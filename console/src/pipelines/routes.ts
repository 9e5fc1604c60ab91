import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { root } from "../app/root";

const tab = (search: Record<string, unknown>): { tab?: string } => (typeof search.tab === "string" ? { tab: search.tab } : {});

const all = createRoute({
  getParentRoute: () => root,
  path: "/$namespace/pipelines",
  component: lazyRouteComponent(() => import("./Pipelines"), "Pipelines"),
  validateSearch: tab,
});

const pipeline = createRoute({
  getParentRoute: () => root,
  path: "/$namespace/pipelines/$id",
  component: lazyRouteComponent(() => import("./PipelinePage"), "PipelinePage"),
  validateSearch: tab,
});

const run = createRoute({
  getParentRoute: () => root,
  path: "/$namespace/pipelines/runs/$id",
  component: lazyRouteComponent(() => import("./RunPage"), "RunPage"),
  validateSearch: tab,
});

const compare = createRoute({
  getParentRoute: () => root,
  path: "/$namespace/pipelines/compare",
  component: lazyRouteComponent(() => import("./Compare"), "Compare"),
  validateSearch: (search: Record<string, unknown>): { runs?: string } => (typeof search.runs === "string" ? { runs: search.runs } : {}),
});

export const pipelineRoutes = [all, compare, run, pipeline] as const;
