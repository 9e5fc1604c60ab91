import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { root } from "../app/root";

/** An address written by hand has `version=1`, which the router takes for a number. */
const text = (value: unknown): string | undefined => (typeof value === "number" ? String(value) : typeof value === "string" && value ? value : undefined);

const list = createRoute({
  getParentRoute: () => root,
  path: "/$namespace/models",
  component: lazyRouteComponent(() => import("./ModelList"), "ModelList"),
});

const page = createRoute({
  getParentRoute: () => root,
  path: "/$namespace/models/$model",
  component: lazyRouteComponent(() => import("./ModelPage"), "ModelPage"),
  validateSearch: (search: Record<string, unknown>): { version?: string } => {
    const version = text(search.version);
    return version ? { version } : {};
  },
});

export interface LineageSearch {
  /** A name, a digest, or `endpoint/digits`. */
  of?: string;
  /** Towards what depends on it. */
  down?: boolean;
  node?: string;
}

const lineage = createRoute({
  getParentRoute: () => root,
  path: "/$namespace/lineage",
  component: lazyRouteComponent(() => import("./Lineage"), "Lineage"),
  validateSearch: (search: Record<string, unknown>): LineageSearch => {
    const [of, node] = [text(search.of), text(search.node)];
    return { ...(of ? { of } : {}), ...(search.down === true ? { down: true } : {}), ...(node ? { node } : {}) };
  },
});

export const modelRoutes = [list, page, lineage] as const;
