import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { root } from "../app/root";

const home = createRoute({
  getParentRoute: () => root,
  path: "/$namespace",
  component: lazyRouteComponent(() => import("./Home"), "Home"),
});

export const homeRoutes = [home] as const;
