/** The route that every page hangs below. Pages bring their own routes: `<area>/routes.ts`, joined in `router.ts`. */

import { createRootRoute, lazyRouteComponent } from "@tanstack/react-router";
import { Frame } from "./Frame";

/** Every list may be searched; a word of digits alone arrives as a number. */
function searched({ q }: Record<string, unknown>): { q?: string } {
  return q === undefined || q === "" ? {} : { q: String(q) };
}

export const root = createRootRoute({
  validateSearch: searched,
  component: Frame,
  notFoundComponent: lazyRouteComponent(() => import("./NotFound"), "NotFound"),
});
