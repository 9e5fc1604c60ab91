import { describe, expect, test, vi } from "vitest";

vi.mock("elkjs/lib/elk-api.js", () => ({ default: class {} }));
vi.mock("elkjs/lib/elk-worker.min.js?url", () => ({ default: "" }));

import { type Box, aligned } from "../src/composer/canvas/align";
import { guided } from "../src/composer/canvas/guides";
import { around } from "../src/composer/canvas/place";
import { languageOf } from "../src/composer/document/language";
import { bridge, splice } from "../src/composer/document/splice";
import * as edit from "../src/composer/document/workflow/edit";
import { edited, parse, plain } from "../src/composer/document/yaml";
import type { Graph } from "../src/composer/model";
import { bridges, judged } from "../src/composer/splicing";
import { EMPTY, drawn, fit, graph, library, make, split } from "./drawn";

const workflow = languageOf({ kind: "Workflow" }) as NonNullable<ReturnType<typeof languageOf>>;

function edge(of: Graph, id: string) {
  const found = of.edges.find((each) => each.id === id);
  if (!found) throw new Error(`no ${id} in ${of.edges.map((each) => each.id).join(" ")}`);
  return found;
}

const BOXES = new Map<string, Box>([
  ["a", { x: 0, y: 0, width: 100, height: 40 }],
  ["b", { x: 130, y: 50, width: 100, height: 80 }],
  ["c", { x: 400, y: 10, width: 100, height: 40 }],
]);

describe("boxes in a row", () => {
  test.each([
    ["left", "x", [0, 0, 0]],
    ["centre", "x", [200, 200, 200]],
    ["right", "x", [400, 400, 400]],
    ["top", "y", [0, 0, 0]],
    ["middle", "y", [45, 25, 45]],
    ["bottom", "y", [90, 50, 90]],
    ["across", "x", [0, 200, 400]],
    ["down", "y", [0, 50, 25]],
  ] as const)("%s", (how, axis, wanted) => {
    const found = aligned(BOXES, how);
    expect(["a", "b", "c"].map((id) => found.get(id)?.[axis])).toEqual(wanted);
  });

  test("two have no gaps to share, one no row", () => {
    const two = new Map([...BOXES].slice(0, 2));
    expect(aligned(two, "across").size).toBe(0);
    expect(aligned(new Map([...BOXES].slice(0, 1)), "left").size).toBe(0);
  });

  test("a part that is laid out anew stays where it was", () => {
    const found = around(new Map([["a", { x: 0, y: 5 }], ["b", { x: 300, y: 0 }]]), new Map([["a", { x: 70, y: 90 }], ["b", { x: 50, y: 200 }]]));
    expect([...found.values()]).toEqual([{ x: 50, y: 95 }, { x: 350, y: 90 }]);
  });
});

describe("lines that guide", () => {
  const other: Box = { x: 300, y: 200, width: 220, height: 90 };

  test("a box near a line of another is drawn to it, and the line is shown", () => {
    const found = guided({ x: 304, y: 20, width: 220, height: 46 }, [other], 6);
    expect(found.place).toEqual({ x: 300, y: 20 });
    expect(found.guides).toEqual([{ axis: "x", at: 300, from: 20, to: 290 }]);
  });

  test("far from everything nothing happens", () => {
    expect(guided({ x: 0, y: 0, width: 220, height: 46 }, [other], 6)).toEqual({ place: { x: 0, y: 0 }, guides: [] });
  });
});

describe("into a line and out of it", () => {
  const CHAIN = edited(EMPTY, 0, (doc) => {
    for (const component of [make, fit, split]) edit.add(doc, "main", component);
    edit.connect(doc, "main", { node: "make", port: "table" }, { node: "fit", port: "train" }, "artifact");
  });

  test("a step that fits at both its ends goes into a line of data", () => {
    const before = graph(CHAIN);
    const line = edge(before, "make.table→fit.train");
    const found = judged(before, line, split.title, split.ports);
    expect(found).toMatchObject({ splice: { input: "table", output: "train" } });
    if (!("splice" in found)) return;
    const text = edited(CHAIN, 0, (doc) => splice(workflow, doc, "main", before, line, "split", found.splice));
    expect(graph(text).edges.map((each) => each.id).sort()).toEqual(["make.table→split.table", "split.train→fit.train"]);
    expect(text).not.toMatch(/depends: make && split|depends: split && make/);
  });

  test("what does not fit has a reason", () => {
    const line = edge(graph(CHAIN), "make.table→fit.train");
    expect(judged(graph(CHAIN), line, make.title, make.ports)).toEqual({ reason: "make takes nothing in" });
    expect(judged(graph(CHAIN), line, fit.title, fit.ports)).toEqual({ reason: expect.stringContaining("does not fit") });
  });

  test("order alone takes any step, unless it waits for a state", () => {
    const ordered = edited(EMPTY, 0, (doc) => {
      for (const component of [make, fit]) edit.add(doc, "main", component);
      edit.connect(doc, "main", { node: "make", port: "" }, { node: "fit", port: "" }, "order");
    });
    expect(judged(graph(ordered), edge(graph(ordered), "make.→fit."), split.title, split.ports)).toEqual({ splice: { input: "", output: "" } });
    const failed = edited(ordered, 0, (doc) => edit.setStates(doc, "main", "make", "fit", ["Failed"]));
    expect(judged(graph(failed), edge(graph(failed), "make.→fit."), split.title, split.ports)).toEqual({ reason: expect.stringContaining("if it fails") });
  });

  test("the neighbours of a step that goes may join", () => {
    const before = graph(drawn());
    const found = bridges(before, "split");
    expect(found).toEqual([{ from: { node: "make", port: "table" }, to: { node: "fit", port: "train" } }]);
    const text = edited(drawn(), 0, (doc) => {
      workflow.remove(doc, "main", ["split"]);
      bridge(workflow, doc, "main", before, found);
    });
    expect(graph(text).edges.map((each) => each.id)).toEqual(["make.table→fit.train"]);
    expect(bridges(before, "make")).toEqual([]);
    expect(bridges(before, "fit")).toEqual([]);
  });

  test("a router goes between a router and its model, which keeps its share", () => {
    const text = "apiVersion: serving.kserve.io/v1alpha1\nkind: InferenceGraph\nspec:\n  nodes:\n    root:\n      routerType: Splitter\n      steps:\n      - {serviceName: a, weight: 80}\n    more:\n      routerType: Sequence\n      steps: []\n";
    const [source] = parse(text).documents;
    const language = languageOf({ kind: "InferenceGraph" });
    const read = (doc: NonNullable<typeof source>) => language?.read(plain(doc), "", library) as Graph;
    if (!source || !language) throw new Error("no graph");
    const [line] = read(source).edges;
    const now = edited(text, 0, (doc) => language.splice?.(doc, "", line as never, "more"));
    expect(now).toContain("nodeName: more");
    expect(now).toContain("weight: 80");
    expect(now).toMatch(/serviceName: a/);
  });
});
