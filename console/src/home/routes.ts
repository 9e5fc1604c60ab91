import { createRoute } from "@tanstack/react-router";
import { root } from "../app/root";
import { Home } from "./Home";

const home = createRoute({
  getParentRoute: () => root,
  path: "/$namespace",
  // Where most visits begin: with the frame, and not after it.
  component: Home,
});

export const homeRoutes = [home] as const;
