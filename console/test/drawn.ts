/** A small catalogue and a drawing of it, for tests. */

import * as edit from "../src/composer/document/workflow/edit";
import { read as readGraph } from "../src/composer/document/workflow/read";
import { edited, parse, plain } from "../src/composer/document/yaml";
import { Library, components } from "../src/composer/library";
import type { Component, Graph } from "../src/composer/model";
import type { WorkflowTemplate } from "../src/api/types";

export function template(name: string, inputs: object, outputs: object, ports: object): WorkflowTemplate {
  return {
    metadata: { name, uid: name, resourceVersion: "1", creationTimestamp: "", annotations: { "pinnace.dev/ports": JSON.stringify(ports), "pinnace.dev/group": "Models" } },
    spec: { entrypoint: name, templates: [{ name, inputs, outputs, container: { image: "busybox" } } as never] },
  };
}

export const library = new Library(
  components(
    [
      template("make", {}, { artifacts: [{ name: "table", path: "/t" }] }, { outputs: { table: { type: "table/numeric" } } }),
      template("split", { artifacts: [{ name: "table", path: "/i" }] }, { artifacts: [{ name: "train", path: "/a" }] }, { inputs: { table: { type: "table" } }, outputs: { train: { type: "table", like: "table" } } }),
      template("fit", { artifacts: [{ name: "train", path: "/i" }], parameters: [{ name: "rate", default: "0.1" }] }, { artifacts: [{ name: "model", path: "/m" }] }, { inputs: { train: { type: "table/numeric" }, rate: { type: "number", minimum: 0 } }, outputs: { model: { type: "model/sklearn" } } }),
    ],
    true,
  ),
);
export const [make, split, fit] = ["make", "split", "fit"].map((name) => library.components.find((each) => each.ref?.name === name)) as [Component, Component, Component];

export const EMPTY = "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata:\n  generateName: x-\nspec:\n  entrypoint: main\n  templates:\n    - name: main\n      dag:\n        tasks: []\n";

export function graph(text: string, scope = "main"): Graph {
  const [document] = parse(text).documents;
  if (!document) throw new Error("no document");
  return readGraph(plain(document), scope, library);
}

export function drawn(): string {
  return edited(EMPTY, 0, (doc) => {
    for (const component of [make, split, fit]) edit.add(doc, "main", component);
    edit.connect(doc, "main", { node: "make", port: "table" }, { node: "split", port: "table" }, "artifact");
    edit.connect(doc, "main", { node: "split", port: "train" }, { node: "fit", port: "train" }, "artifact");
  });
}
