import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { root } from "../app/root";

type Given = Record<string, unknown>;

/** Texts of an address by their names; what is empty is left out. */
function texts<K extends string>(search: Given, ...names: K[]): Partial<Record<K, string>> {
  return Object.fromEntries(names.flatMap((name) => (typeof search[name] === "string" && search[name] ? [[name, search[name]]] : []))) as Partial<Record<K, string>>;
}

export interface ListSearch {
  tab?: string;
  q?: string;
  state?: string;
  experiment?: string;
  archived?: boolean;
  /** Of every namespace. */
  all?: boolean;
}

const all = createRoute({
  getParentRoute: () => root,
  path: "/$namespace/pipelines",
  component: lazyRouteComponent(() => import("./Pipelines"), "Pipelines"),
  validateSearch: (search: Given): ListSearch => ({
    ...texts(search, "tab", "q", "state", "experiment"),
    ...(search.archived === true ? { archived: true } : {}),
    ...(search.all === true ? { all: true } : {}),
  }),
});

const pipeline = createRoute({
  getParentRoute: () => root,
  path: "/$namespace/pipelines/$id",
  component: lazyRouteComponent(() => import("./PipelinePage"), "PipelinePage"),
  validateSearch: (search: Given) => texts(search, "tab", "version", "layer", "task", "from", "to"),
});

export interface NewSearch {
  pipeline?: string;
  version?: string;
  experiment?: string;
  /** A run, or a recurring run, to begin with. */
  clone?: string;
  recurring?: string;
  again?: boolean;
}

const fresh = createRoute({
  getParentRoute: () => root,
  path: "/$namespace/pipelines/new",
  component: lazyRouteComponent(() => import("./NewRun"), "NewRun"),
  validateSearch: (search: Given): NewSearch => ({
    ...texts(search, "pipeline", "version", "experiment", "clone", "recurring"),
    ...(search.again === true ? { again: true } : {}),
  }),
});

export type RunSearch = Partial<Record<"tab" | "node" | "about" | "container", string>>;

const run = createRoute({
  getParentRoute: () => root,
  path: "/$namespace/pipelines/runs/$id",
  component: lazyRouteComponent(() => import("./RunPage"), "RunPage"),
  validateSearch: (search: Given): RunSearch => texts(search, "tab", "node", "about", "container"),
});

const recurring = createRoute({
  getParentRoute: () => root,
  path: "/$namespace/pipelines/recurring/$id",
  component: lazyRouteComponent(() => import("./RecurringPage"), "RecurringPage"),
});

const experiment = createRoute({
  getParentRoute: () => root,
  path: "/$namespace/pipelines/experiments/$id",
  component: lazyRouteComponent(() => import("./ExperimentPage"), "ExperimentPage"),
});

const compare = createRoute({
  getParentRoute: () => root,
  path: "/$namespace/pipelines/compare",
  component: lazyRouteComponent(() => import("./Compare"), "Compare"),
  validateSearch: (search: Given) => texts(search, "runs", "tab"),
});

export const pipelineRoutes = [all, compare, fresh, run, recurring, experiment, pipeline] as const;
