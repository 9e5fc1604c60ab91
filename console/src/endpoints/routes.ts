import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { root } from "../app/root";

const list = createRoute({
  getParentRoute: () => root,
  path: "/$namespace/endpoints",
  component: lazyRouteComponent(() => import("./Endpoints"), "Endpoints"),
});

export const endpointRoutes = [list] as const;
