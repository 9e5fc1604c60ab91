/** Every page of the console. Each loads its own code when it is first opened. */

import { createRoute, createRouter, redirect } from "@tanstack/react-router";
import { workflowOfRun } from "../api/runs";
import { composerRoutes } from "../composer/routes";
import { endpointRoutes } from "../endpoints/routes";
import { homeRoutes } from "../home/routes";
import { modelRoutes } from "../models/routes";
import { notebookRoutes } from "../notebooks/routes";
import { scheduleRoutes } from "../schedules/routes";
import { templateRoutes } from "../templates/routes";
import { pipelineRoutes } from "../pipelines/routes";
import { trainingRoutes } from "../training/routes";
import { tuningRoutes } from "../tuning/routes";
import { volumeRoutes } from "../volumes/routes";
import { workflowRoutes } from "../workflows/routes";
import { tensorboardRoutes } from "../tensorboards/routes";
import { secretRoutes } from "../secrets/routes";
import { namespaceRoutes } from "../namespaces/routes";
import { observingRoutes } from "../observing/routes";
import { lastNamespace } from "./namespace";
import { root } from "./root";

/** `/`, and the links that the SDK of Kubeflow Pipelines prints. */
const start = createRoute({
  getParentRoute: () => root,
  path: "/",
  beforeLoad: async ({ location }) => {
    const found = await workflowOfRun(location.hash);
    if (found) throw redirect({ to: "/$namespace/workflows/$name", params: found });
    throw redirect({ to: "/$namespace", params: { namespace: lastNamespace() } });
  },
});

export const router = createRouter({
  routeTree: root.addChildren([start, ...homeRoutes, ...workflowRoutes, ...scheduleRoutes, ...templateRoutes, ...composerRoutes, ...endpointRoutes, ...modelRoutes, ...pipelineRoutes, ...tuningRoutes, ...trainingRoutes, ...notebookRoutes, ...volumeRoutes, ...tensorboardRoutes, ...secretRoutes, ...namespaceRoutes, ...observingRoutes]),
  basepath: "/console",
  defaultPreload: "intent",
  scrollRestoration: true,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
