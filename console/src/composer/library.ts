/** The components that a document may use: of the cluster, of the namespace, and what can be made on the spot. */

import type { KubeObject, WorkflowTemplate } from "../api/types";
import type { Component, TemplateRef } from "./model";
import { GROUPS } from "./ports/fit";
import { declared, list, obj, read } from "./ports/read";

export class Library {
  private readonly byKey: Map<string, Component>;

  constructor(readonly components: readonly Component[]) {
    this.byKey = new Map(components.map((each) => [each.key, each]));
  }

  find(ref: TemplateRef): Component | undefined {
    return this.byKey.get(keyOf(ref));
  }
}

export const NOTHING = new Library([]);

export function keyOf({ name, template, clusterScope }: TemplateRef): string {
  return `${clusterScope ? "cluster" : "namespace"}/${name}/${template}`;
}

const TITLE = "workflows.argoproj.io/title";
const DESCRIPTION = "workflows.argoproj.io/description";
const GROUP = "pinnace.dev/group";
const ICON = "pinnace.dev/icon";

/** One component for each template that a shared object has; steps that only join others are told as such. */
export function components(objects: Iterable<WorkflowTemplate>, clusterScope: boolean): Component[] {
  return [...objects].flatMap((object) =>
    (object.spec.templates ?? []).map((template) => component(object, template.name, clusterScope)),
  );
}

function component(object: WorkflowTemplate, template: string, clusterScope: boolean): Component {
  const whole = object as unknown as Record<string, unknown>;
  const raw = list(obj(whole.spec).templates).find((each) => each.name === template) ?? {};
  const alone = object.spec.templates?.length === 1 || object.spec.entrypoint === template;
  const notes = object.metadata.annotations ?? {};
  const own = obj(obj(raw.metadata).annotations);
  const ref: TemplateRef = { name: object.metadata.name, template, ...(clusterScope ? { clusterScope } : {}) };
  return {
    key: keyOf(ref),
    title: String(own[TITLE] ?? (alone ? (notes[TITLE] ?? object.metadata.name) : template)),
    description: String(own[DESCRIPTION] ?? (alone ? (notes[DESCRIPTION] ?? "") : `From ${notes[TITLE] ?? object.metadata.name}.`)),
    group: notes[GROUP] ?? OWN_GROUP,
    icon: notes[ICON] ?? "",
    ports: read(raw, declared(whole, template)),
    ref,
    raw,
  };
}

export const FRESH_GROUP = "New steps";
export const OWN_GROUP = "Your templates";

/** Steps that begin as a template of the document's own. */
export const FRESH: readonly Component[] = [
  fresh("script", "Python script", "Your own code as a step: its output is what it prints.", "file-code", {
    script: { image: "python:3.12", command: ["python"], source: 'print("hello")\n' },
  }),
  fresh("container", "Container", "A program of an image.", "box", {
    container: { image: "busybox:1.36", command: ["sh", "-c"], args: ["echo hello"] },
  }),
  fresh("approval", "Pause", "Holds the run until somebody resumes it.", "circle-pause", { suspend: {} }),
];

function fresh(key: string, title: string, description: string, icon: string, template: Record<string, unknown>): Component {
  return { key: `fresh/${key}`, title, description, group: FRESH_GROUP, icon, ports: read(template, {}), fresh: { name: key, ...template } };
}

/** The palette's groups, the figure's first, in its order. */
export function grouped(all: readonly Component[]): [string, Component[]][] {
  const groups = new Map<string, Component[]>(GROUPS.map((name) => [name, []]));
  for (const each of all) groups.set(each.group, [...(groups.get(each.group) ?? []), each]);
  return [...groups].filter(([, found]) => found.length > 0).map(([name, found]) => [name, found.sort((a, b) => a.title.localeCompare(b.title))]);
}

export function matching(all: readonly Component[], search: string): Component[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  return all.filter((each) => {
    const text = `${each.title} ${each.group} ${each.ref?.name ?? ""} ${each.description}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

export function isCatalogue(object: KubeObject): boolean {
  return object.metadata.labels?.["pinnace.dev/catalog"] !== undefined;
}
