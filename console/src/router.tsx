import { createRootRoute, createRoute, createRouter, redirect } from "@tanstack/react-router";
import { workflowOfRun } from "./api/runs";
import { Endpoints } from "./endpoints/Endpoints";
import { Frame } from "./ui/Frame";
import { Empty } from "./ui/notes";
import { WorkflowList } from "./workflows/WorkflowList";
import { WorkflowPage } from "./workflows/WorkflowPage";

const root = createRootRoute({
  component: Frame,
  notFoundComponent: () => (
    <Empty title="There is no such page">
      <a href="/console/">Back to the workflows</a>
    </Empty>
  ),
});

const home = createRoute({
  getParentRoute: () => root,
  path: "/",
  beforeLoad: async ({ location }) => {
    const found = await workflowOfRun(location.hash);
    if (found) throw redirect({ to: "/$namespace/workflows/$name", params: found });
    throw redirect({ to: "/$namespace/workflows", params: { namespace: "default" } });
  },
});

const list = createRoute({ getParentRoute: () => root, path: "/$namespace/workflows", component: WorkflowList });

const page = createRoute({
  getParentRoute: () => root,
  path: "/$namespace/workflows/$name",
  component: WorkflowPage,
  validateSearch: (search: Record<string, unknown>): { node?: string } =>
    typeof search.node === "string" ? { node: search.node } : {},
});

const endpoints = createRoute({ getParentRoute: () => root, path: "/$namespace/endpoints", component: Endpoints });

export const router = createRouter({
  routeTree: root.addChildren([home, list, page, endpoints]),
  basepath: "/console",
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
