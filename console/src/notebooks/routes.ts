import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { root } from "../app/root";

const list = createRoute({
  getParentRoute: () => root,
  path: "/$namespace/notebooks",
  component: lazyRouteComponent(() => import("./NotebookList"), "NotebookList"),
});

const fresh = createRoute({
  getParentRoute: () => root,
  path: "/$namespace/notebooks/new",
  component: lazyRouteComponent(() => import("./NewNotebook"), "NewNotebook"),
});

const page = createRoute({
  getParentRoute: () => root,
  path: "/$namespace/notebooks/$name",
  component: lazyRouteComponent(() => import("./NotebookPage"), "NotebookPage"),
  validateSearch: (search: Record<string, unknown>): { tab?: string } =>
    typeof search.tab === "string" ? { tab: search.tab } : {},
});

export const notebookRoutes = [list, fresh, page] as const;
