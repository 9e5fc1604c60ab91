/** The route that every page hangs below. Pages bring their own routes: `<area>/routes.ts`, joined in `router.ts`. */

import { createRootRoute, lazyRouteComponent } from "@tanstack/react-router";
import { Frame } from "./Frame";

export const root = createRootRoute({
  component: Frame,
  notFoundComponent: lazyRouteComponent(() => import("./NotFound"), "NotFound"),
});
