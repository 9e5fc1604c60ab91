import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { root } from "../app/root";

const list = createRoute({
  getParentRoute: () => root,
  path: "/$namespace/namespaces",
  component: lazyRouteComponent(() => import("./NamespaceList"), "NamespaceList"),
});

export const namespaceRoutes = [list] as const;
