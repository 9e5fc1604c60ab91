import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { root } from "../app/root";

interface Search {
  q?: string;
  /** Only those of one kind. */
  kind?: string;
}

const list = createRoute({
  getParentRoute: () => root,
  path: "/$namespace/templates",
  component: lazyRouteComponent(() => import("./TemplateList"), "TemplateList"),
  validateSearch: (search: Record<string, unknown>): Search => ({
    ...(search.q !== undefined && search.q !== "" ? { q: String(search.q) } : {}),
    ...(typeof search.kind === "string" ? { kind: search.kind } : {}),
  }),
});

const page = createRoute({
  getParentRoute: () => root,
  path: "/$namespace/templates/$kind/$name",
  component: lazyRouteComponent(() => import("./TemplatePage"), "TemplatePage"),
  validateSearch: (search: Record<string, unknown>): { tab?: string } =>
    typeof search.tab === "string" ? { tab: search.tab } : {},
});

export const templateRoutes = [list, page] as const;
