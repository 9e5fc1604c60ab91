import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { root } from "../app/root";

const list = createRoute({
  getParentRoute: () => root,
  path: "/$namespace/training",
  component: lazyRouteComponent(() => import("./JobList"), "JobList"),
});

const page = createRoute({
  getParentRoute: () => root,
  path: "/$namespace/training/$kind/$name",
  component: lazyRouteComponent(() => import("./JobPage"), "JobPage"),
  validateSearch: ({ tab, pod }: Record<string, unknown>): { tab?: string; pod?: string } => ({
    ...(typeof tab === "string" ? { tab } : {}),
    ...(typeof pod === "string" ? { pod } : {}),
  }),
});

export const trainingRoutes = [list, page] as const;
