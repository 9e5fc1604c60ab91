/** Why a run failed, before anything else: the step, its message, the last it said. */

import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { request } from "../api/kube";
import * as paths from "../api/paths";
import type { NodeStatus, Workflow } from "../api/types";

const LINES = 6;

export function Failure({ workflow, node }: { workflow: Workflow; node: NodeStatus | undefined }) {
  const said = useLastLines(workflow, node);
  const message = node?.message || workflow.status?.message || "";
  return (
    <section className="failure" aria-label="Why it failed">
      <p>
        {node ? (
          <Link from="/$namespace/workflows/$name" to="." search={(before) => ({ ...before, node: node.id, tab: "log" })}>
            {node.displayName}
          </Link>
        ) : null}{" "}
        <strong>{message || "failed"}</strong>
      </p>
      {said ? <pre tabIndex={0} role="log" aria-label="The last lines of its log">{said}</pre> : null}
    </section>
  );
}

function useLastLines(workflow: Workflow, node: NodeStatus | undefined): string {
  const { namespace = "", name } = workflow.metadata;
  const pod = node?.type === "Pod" ? paths.podName(name, node) : "";
  const { data } = useQuery({
    queryKey: ["last-lines", namespace, pod],
    queryFn: async ({ signal }) => (await request(`/api/v1/namespaces/${namespace}/pods/${pod}/log?container=main&tailLines=${LINES}`, { signal })).text(),
    enabled: pod !== "",
    retry: false,
    staleTime: Number.POSITIVE_INFINITY,
  });
  return data?.trimEnd() ?? "";
}
