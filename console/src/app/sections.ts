/** What the console has, as the sidebar and the command palette list it. */

import { Activity, Boxes, CalendarClock, ChartSpline, Dumbbell, FlaskConical, FolderTree, GitFork, HardDrive, Home, KeyRound, LayoutTemplate, type LucideIcon, NotebookText, PencilRuler, Radio, ScrollText, Waypoints, Workflow } from "lucide-react";

export interface Section {
  to: string;
  label: string;
  Icon: LucideIcon;
  /** `g` and then this letter goes there. */
  letter: string;
  /** Further words under which the palette finds it. */
  words?: string;
}

export interface Group {
  title: string;
  sections: Section[];
}

/** Paths hold `$namespace` where the reader's namespace goes. */
export const GROUPS: Group[] = [
  { title: "", sections: [{ to: "/$namespace", label: "Home", Icon: Home, letter: "h", words: "start overview" }] },
  {
    title: "Build",
    sections: [
      { to: "/$namespace/workflows", label: "Workflows", Icon: Workflow, letter: "w", words: "argo runs dag" },
      { to: "/$namespace/schedules", label: "Schedules", Icon: CalendarClock, letter: "k", words: "cron clock recurring" },
      { to: "/$namespace/templates", label: "Templates", Icon: LayoutTemplate, letter: "t", words: "workflowtemplate clusterworkflowtemplate catalogue" },
      { to: "/$namespace/pipelines", label: "Pipelines", Icon: Waypoints, letter: "p", words: "kfp kubeflow runs recurring versions" },
      { to: "/$namespace/composer", label: "Composer", Icon: PencilRuler, letter: "c", words: "draw compose canvas visual editor" },
    ],
  },
  {
    title: "Learn",
    sections: [
      { to: "/$namespace/experiments", label: "Experiments", Icon: FlaskConical, letter: "x", words: "katib tuning hyperparameters trials search" },
      { to: "/$namespace/training", label: "Training jobs", Icon: Dumbbell, letter: "j", words: "pytorchjob tfjob mpijob xgboostjob jaxjob paddlejob trainjob" },
    ],
  },
  {
    title: "Serve",
    sections: [
      { to: "/$namespace/endpoints", label: "Endpoints", Icon: Radio, letter: "e", words: "kserve inference canary" },
      { to: "/$namespace/models", label: "Models", Icon: Boxes, letter: "m", words: "registry mlflow versions" },
      { to: "/$namespace/lineage", label: "Lineage", Icon: GitFork, letter: "l", words: "provenance data artifacts" },
    ],
  },
  {
    title: "Workspace",
    sections: [
      { to: "/$namespace/notebooks", label: "Notebooks", Icon: NotebookText, letter: "n", words: "jupyter lab server" },
      { to: "/$namespace/volumes", label: "Volumes", Icon: HardDrive, letter: "v", words: "pvc files upload download storage" },
      { to: "/$namespace/tensorboards", label: "TensorBoard", Icon: ChartSpline, letter: "b", words: "logs curves scalars" },
      { to: "/$namespace/secrets", label: "Secrets", Icon: KeyRound, letter: "s", words: "configmaps credentials registry s3" },
    ],
  },
  {
    title: "Platform",
    sections: [
      { to: "/$namespace/namespaces", label: "Namespaces", Icon: FolderTree, letter: "a", words: "quota projects" },
      { to: "/$namespace/logs", label: "Logs", Icon: ScrollText, letter: "o", words: "pods search output" },
      { to: "/$namespace/metrics", label: "Metrics", Icon: Activity, letter: "u", words: "dashboard cpu memory prometheus usage" },
    ],
  },
];

export const SECTIONS: Section[] = GROUPS.flatMap((group) => group.sections);

export function inside(to: string, namespace: string): string {
  return to.replace("$namespace", encodeURIComponent(namespace));
}

/** The section of a path: the longest that it begins with. */
export function sectionOf(path: string, namespace: string): Section | undefined {
  return SECTIONS.filter((s) => path === inside(s.to, namespace) || path.startsWith(`${inside(s.to, namespace)}/`)).sort(
    (a, b) => b.to.length - a.to.length,
  )[0];
}
