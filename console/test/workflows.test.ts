import { describe, expect, test } from "vitest";
import type { NodeStatus, Workflow, WorkflowNode } from "../src/api/types";
import { matrix, preview, table } from "../src/workflows/artifacts";
import { compared, parallel } from "../src/workflows/comparing";
import { steps } from "../src/workflows/draft";
import { Family } from "../src/workflows/family";
import { Drawing } from "../src/workflows/graph";
import { layered } from "../src/workflows/layers";
import { fits, readQuery } from "../src/workflows/search";
import { critical, culprit } from "../src/workflows/story";
import { next } from "../src/schedules/next";

const node = (id: string, more: Partial<NodeStatus> = {}): NodeStatus => ({ id, name: id, displayName: id, type: "Pod", phase: "Succeeded", ...more });
const map = (...nodes: NodeStatus[]) => new Map(nodes.map((n) => [n.id, n]));
const item = (status: NodeStatus, parents: string[] = []): WorkflowNode => ({
  metadata: { name: status.id, uid: status.id, resourceVersion: "1", creationTimestamp: "" },
  links: { order: 0, parents },
  status,
});

describe("what did not change is the same object", () => {
  test("of nodes and of boxes; the shape's number stands while only states change", () => {
    const [family, drawing] = [new Family(), new Drawing()];
    const root = item(node("wf", { type: "DAG", phase: "Running" }));
    const before = drawing.update(family.update([root, item(node("a", { phase: "Running" }), ["wf"]), item(node("b"), ["wf"])]));
    const kept = item(node("b"), ["wf"]);
    family.update([root, item(node("a", { phase: "Running" }), ["wf"]), kept]);
    const after = drawing.update(family.update([root, item(node("a"), ["wf"]), kept]));
    expect(after.shape).toBe(before.shape);
    expect(after.boxes.map((b) => b.phase)).toEqual(["Running", "Succeeded", "Succeeded"]);
    const grown = drawing.update(family.update([root, item(node("a"), ["wf"]), kept, item(node("c"), ["wf"])]));
    expect(grown.shape).toBe(before.shape + 1);
    expect(grown.boxes[2]).toBe(after.boxes[2]);
  });

  test("a bundle counts on", () => {
    const drawing = new Drawing();
    const children: string[] = [];
    const fan = (i: number, phase: "Running" | "Succeeded") => node(`n${i}`, { displayName: `step(${i}:x)`, boundaryID: "wf", phase, children });
    const nodes = map(...Array.from({ length: 30 }, (_, i) => fan(i, "Running")));
    drawing.update(nodes);
    const after = drawing.update(new Map(nodes).set("n3", fan(3, "Succeeded")));
    expect(Object.fromEntries(after.boxes[0]?.counts ?? [])).toEqual({ Running: 29, Succeeded: 1 });
  });
});

test("big graphs: layers go to the right, no two boxes on one place", () => {
  const edges = new Int32Array([0, 1, 0, 2, 1, 3, 2, 3]);
  const places = layered(4, edges);
  const at = Array.from({ length: 4 }, (_, i) => `${places[2 * i]} ${places[2 * i + 1]}`);
  expect(new Set(at).size).toBe(4);
  expect(places[0]).toBeLessThan(places[2] ?? 0);
  expect(places[2]).toBe(places[4]);
  expect(places[2]).toBeLessThan(places[6] ?? 0);
});

describe("the story of a run", () => {
  const at = (second: number) => `2026-01-01T00:00:0${second}Z`;
  const nodes = map(
    node("wf", { type: "DAG", phase: "Failed", children: ["a", "b"], startedAt: at(0), finishedAt: at(9) }),
    node("a", { children: ["c"], startedAt: at(0), finishedAt: at(2) }),
    node("b", { children: ["c"], startedAt: at(0), finishedAt: at(5) }),
    node("c", { phase: "Failed", message: "no", startedAt: at(5), finishedAt: at(9) }),
  );
  test("the step that failed is the cause, not the group that holds it", () => expect(culprit(nodes)?.id).toBe("c"));
  test("the run waited for the slower of two", () => expect([...critical(nodes)].sort()).toEqual(["b", "c", "wf"]));
});

describe("artifacts", () => {
  const bytes = (text: string) => new TextEncoder().encode(text);
  test("quotes hold separators and line ends", () => {
    expect(table('a,b\n"x, ""y""\nz",2\n', ",")).toMatchObject({ columns: ["a", "b"], rows: [['x, "y"\nz', "2"]], of: 1 });
  });
  test("Pipelines' confusion matrix is a matrix", () => {
    const value = { confusionMatrix: { annotationSpecs: [{ displayName: "cat" }, { displayName: "dog" }], rows: [{ row: [3, 1] }, { row: [0, 4] }] } };
    expect(matrix(value)).toEqual({ kind: "matrix", labels: ["cat", "dog"], cells: [[3, 1], [0, 4]] });
  });
  test("numbers by name are metrics; HTML and SVG are never images", () => {
    expect(preview("m.json", "application/json", bytes('{"accuracy": 0.9}'))).toEqual({ kind: "metrics", values: [["accuracy", 0.9]] });
    expect(preview("page", "text/plain", bytes("<!doctype html><p>x")).kind).toBe("html");
    expect(preview("x.svg", "image/svg+xml", bytes("<svg onload='alert(1)'/>")).kind).toBe("text");
    expect(preview("x.bin", "", new Uint8Array([0, 1, 2])).kind).toBe("none");
  });
});

test("filters: words stand in the name, a label or a parameter; what a URL holds is read back", () => {
  const run = {
    metadata: { name: "train-1", uid: "u", resourceVersion: "1", creationTimestamp: "2026-01-01T00:00:00Z", labels: { team: "blue" } },
    spec: { arguments: { parameters: [{ name: "rate", value: "0.1" }] } },
    status: { phase: "Error" },
  } as Workflow;
  const now = Date.parse("2026-01-01T00:30:00Z");
  expect(fits(run, readQuery({ q: "team=blue rate=0.1", state: "Failed", time: "1h" }), now)).toBe(true);
  expect(fits(run, readQuery({ q: "red" }), now)).toBe(false);
  expect(readQuery({ state: "Nonsense", time: "2y", q: "" })).toEqual({});
});

test("runs side by side: what differs is an axis", () => {
  const run = (name: string, rate: string) =>
    ({ metadata: { name, uid: name }, spec: { arguments: { parameters: [{ name: "rate", value: rate }, { name: "same", value: "x" }] } } }) as Workflow;
  const all = compared([run("a", "0.1"), run("b", "0.5")], new Map([["a", [["loss", 3]]], ["b", [["loss", 2]]]]));
  expect(all.parameters.map((r) => [r.name, r.differs])).toEqual([["rate", true], ["same", false]]);
  expect(parallel(all)).toEqual({ axes: [{ name: "rate", words: null }, { name: "loss", words: null }], lines: [[0.1, 3], [0.5, 2]] });
});

describe("next times", () => {
  const now = new Date("2026-03-01T00:00:00Z");
  const told = (schedule: string, zone?: string) => next([schedule], zone, 1, now)[0]?.toISOString();
  test("in the schedule's zone", () => expect(told("0 6 * * *", "Europe/Berlin")).toBe("2026-03-01T05:00:00.000Z"));
  test("a schedule may name its own", () => expect(told("CRON_TZ=Asia/Tokyo 30 9 * * *")).toBe("2026-03-01T00:30:00.000Z"));
  test("by the distance", () => expect(told("@every 1m30s")).toBe("2026-03-01T00:01:30.000Z"));
  test("what cannot be read is said", () => expect(() => told("0 6 * *")).toThrow("expected five fields"));
});

test("a field's path leads to its place in the text", () => expect(steps("spec.templates[2].dag")).toEqual(["spec", "templates", 2, "dag"]));
