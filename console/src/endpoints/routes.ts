import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { root } from "../app/root";

export interface Look {
  tab?: string;
  /** A pod whose log is shown. */
  pod?: string;
}

function look(search: Record<string, unknown>): Look {
  const { tab, pod } = search;
  return { ...(typeof tab === "string" ? { tab } : {}), ...(typeof pod === "string" ? { pod } : {}) };
}

const list = createRoute({
  getParentRoute: () => root,
  path: "/$namespace/endpoints",
  component: lazyRouteComponent(() => import("./EndpointList"), "EndpointList"),
});

const page = createRoute({
  getParentRoute: () => root,
  path: "/$namespace/endpoints/$name",
  component: lazyRouteComponent(() => import("./EndpointPage"), "EndpointPage"),
  validateSearch: look,
});

const graph = createRoute({
  getParentRoute: () => root,
  path: "/$namespace/endpoints/graphs/$name",
  component: lazyRouteComponent(() => import("./GraphPage"), "GraphPage"),
  validateSearch: look,
});

export const endpointRoutes = [list, page, graph] as const;
