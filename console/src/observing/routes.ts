import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { root } from "../app/root";

export interface LogSearch {
  /** Words that a line must have. */
  q?: string;
  /** A label selector of pods. */
  labels?: string;
  /** Names of pods, joined by commas; without it, all. */
  pods?: string;
}

function texts<K extends string>(search: Record<string, unknown>, keys: readonly K[]): Partial<Record<K, string>> {
  const found = keys.flatMap((key) => (typeof search[key] === "string" && search[key] ? [[key, search[key]]] : []));
  return Object.fromEntries(found) as Partial<Record<K, string>>;
}

const logs = createRoute({
  getParentRoute: () => root,
  path: "/$namespace/logs",
  component: lazyRouteComponent(() => import("./Logs"), "Logs"),
  validateSearch: (search: Record<string, unknown>): LogSearch => texts(search, ["labels", "pods"]),
});

const metrics = createRoute({
  getParentRoute: () => root,
  path: "/$namespace/metrics",
  component: lazyRouteComponent(() => import("./Metrics"), "Metrics"),
  validateSearch: (search: Record<string, unknown>): { of?: string } => texts(search, ["of"]),
});

export const observingRoutes = [logs, metrics] as const;
