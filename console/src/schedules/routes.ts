import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { root } from "../app/root";

const list = createRoute({
  getParentRoute: () => root,
  path: "/$namespace/schedules",
  component: lazyRouteComponent(() => import("./ScheduleList"), "ScheduleList"),
  validateSearch: (search: Record<string, unknown>): { new?: true } => (search.new ? { new: true } : {}),
});

const page = createRoute({
  getParentRoute: () => root,
  path: "/$namespace/schedules/$name",
  component: lazyRouteComponent(() => import("./SchedulePage"), "SchedulePage"),
  validateSearch: (search: Record<string, unknown>): { tab?: string } =>
    typeof search.tab === "string" ? { tab: search.tab } : {},
});

export const scheduleRoutes = [list, page] as const;
