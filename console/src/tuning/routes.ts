import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { root } from "../app/root";

const tab = (search: Record<string, unknown>): { tab?: string } => (typeof search.tab === "string" ? { tab: search.tab } : {});

const list = createRoute({
  getParentRoute: () => root,
  path: "/$namespace/experiments",
  component: lazyRouteComponent(() => import("./ExperimentList"), "ExperimentList"),
});

const fresh = createRoute({
  getParentRoute: () => root,
  path: "/$namespace/experiments/new",
  component: lazyRouteComponent(() => import("./NewExperiment"), "NewExperiment"),
  validateSearch: (search: Record<string, unknown>): { clone?: string } => (typeof search.clone === "string" ? { clone: search.clone } : {}),
});

const page = createRoute({
  getParentRoute: () => root,
  path: "/$namespace/experiments/$name",
  component: lazyRouteComponent(() => import("./ExperimentPage"), "ExperimentPage"),
  validateSearch: tab,
});

const trial = createRoute({
  getParentRoute: () => root,
  path: "/$namespace/experiments/$name/$trial",
  component: lazyRouteComponent(() => import("./TrialPage"), "TrialPage"),
  validateSearch: tab,
});

export const tuningRoutes = [list, fresh, page, trial] as const;
