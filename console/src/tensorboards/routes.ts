import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { root } from "../app/root";

const list = createRoute({
  getParentRoute: () => root,
  path: "/$namespace/tensorboards",
  component: lazyRouteComponent(() => import("./TensorboardList"), "TensorboardList"),
  validateSearch: (search: Record<string, unknown>): { new?: string } =>
    typeof search.new === "string" ? { new: search.new } : {},
});

export const tensorboardRoutes = [list] as const;
