/** What one does to a schedule. */

import { create, mergePatch } from "../api/kube";
import { CRON_WORKFLOW, WORKFLOW, collection, object } from "../api/resources";
import type { CronWorkflow, Workflow } from "../api/types";

export const suspend = ({ metadata: { name, namespace = "" } }: CronWorkflow, off: boolean) =>
  mergePatch(object(CRON_WORKFLOW, namespace, name), { spec: { suspend: off } });

/** One run now, as upstream makes it: the schedule's own document, and its label. */
export function runNow(schedule: CronWorkflow): Promise<Workflow> {
  const { name, namespace = "" } = schedule.metadata;
  const { workflowMetadata } = schedule.spec as { workflowMetadata?: { labels?: Record<string, string>; annotations?: Record<string, string> } };
  return create<Workflow>(collection(WORKFLOW, namespace), {
    apiVersion: "argoproj.io/v1alpha1",
    kind: "Workflow",
    metadata: {
      generateName: `${name}-`,
      labels: { ...workflowMetadata?.labels, [CRON_LABEL]: name },
      ...(workflowMetadata?.annotations ? { annotations: workflowMetadata.annotations } : {}),
    },
    spec: schedule.spec.workflowSpec,
  });
}

export const CRON_LABEL = "workflows.argoproj.io/cron-workflow";
