import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { root } from "../app/root";

const list = createRoute({
  getParentRoute: () => root,
  path: "/$namespace/secrets",
  component: lazyRouteComponent(() => import("./Secrets"), "Secrets"),
  validateSearch: (search: Record<string, unknown>): { tab?: string; open?: string } => ({
    ...(typeof search.tab === "string" ? { tab: search.tab } : {}),
    ...(typeof search.open === "string" ? { open: search.open } : {}),
  }),
});

export const secretRoutes = [list] as const;
