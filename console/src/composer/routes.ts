import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { root } from "../app/root";

const start = createRoute({
  getParentRoute: () => root,
  path: "/$namespace/composer",
  component: lazyRouteComponent(() => import("./Start"), "Start"),
});

export interface Search {
  /** The run that the drawing shows. */
  run?: string;
  view?: "list";
  pane?: "run" | "step" | "text" | "findings";
}

function one<T extends string>(value: unknown, ...of: T[]): T | undefined {
  return of.find((each) => each === value);
}

/** `kind` is `draft` for what is only in this browser: `name` is its id then. */
const page = createRoute({
  getParentRoute: () => root,
  path: "/$namespace/composer/$kind/$name",
  component: lazyRouteComponent(() => import("./ComposerPage"), "ComposerPage"),
  validateSearch: (search: Record<string, unknown>): Search => {
    const [view, pane] = [one(search.view, "list"), one(search.pane, "run", "step", "text", "findings")];
    return { ...(typeof search.run === "string" ? { run: search.run } : {}), ...(view ? { view } : {}), ...(pane ? { pane } : {}) };
  },
});

export const composerRoutes = [start, page] as const;
