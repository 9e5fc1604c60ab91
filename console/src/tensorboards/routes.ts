import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { root } from "../app/root";

const list = createRoute({
  getParentRoute: () => root,
  path: "/$namespace/tensorboards",
  component: lazyRouteComponent(() => import("./TensorboardList"), "TensorboardList"),
  validateSearch: (search: Record<string, unknown>): { new?: string; q?: string } => ({
    ...(typeof search.new === "string" ? { new: search.new } : {}),
    ...(typeof search.q === "string" ? { q: search.q } : {}),
  }),
});

export const tensorboardRoutes = [list] as const;
