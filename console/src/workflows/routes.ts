import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { root } from "../app/root";

const list = createRoute({
  getParentRoute: () => root,
  path: "/$namespace/workflows",
  component: lazyRouteComponent(() => import("./WorkflowList"), "WorkflowList"),
});

const page = createRoute({
  getParentRoute: () => root,
  path: "/$namespace/workflows/$name",
  component: lazyRouteComponent(() => import("./WorkflowPage"), "WorkflowPage"),
  validateSearch: (search: Record<string, unknown>): { node?: string } =>
    typeof search.node === "string" ? { node: search.node } : {},
});

export const workflowRoutes = [list, page] as const;
