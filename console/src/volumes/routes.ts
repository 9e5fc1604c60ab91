import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { root } from "../app/root";

const list = createRoute({
  getParentRoute: () => root,
  path: "/$namespace/volumes",
  component: lazyRouteComponent(() => import("./VolumeList"), "VolumeList"),
});

const page = createRoute({
  getParentRoute: () => root,
  path: "/$namespace/volumes/$name",
  component: lazyRouteComponent(() => import("./VolumePage"), "VolumePage"),
  validateSearch: (search: Record<string, unknown>): { path?: string; tab?: string } => ({
    ...(typeof search.path === "string" ? { path: search.path } : {}),
    ...(typeof search.tab === "string" ? { tab: search.tab } : {}),
  }),
});

export const volumeRoutes = [list, page] as const;
