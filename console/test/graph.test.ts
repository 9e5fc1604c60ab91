import { describe, expect, test } from "vitest";

import type { NodeStatus } from "../src/api/types";
import { podName } from "../src/api/paths";
import { picture } from "../src/workflows/graph";
import { direction } from "../src/workflows/place";
import { seats, spread } from "../src/workflows/rows";
import { family } from "../src/workflows/family";
import { approval, questions } from "../src/workflows/Approve";

function node(id: string, more: Partial<NodeStatus> = {}): NodeStatus {
  return { id, name: id, displayName: id, type: "Pod", phase: "Succeeded", ...more };
}

const map = (...nodes: NodeStatus[]) => new Map(nodes.map((n) => [n.id, n]));

describe("the picture of a run", () => {
  test("groups of steps are not drawn, what they hold is", () => {
    const drawn = picture(
      map(
        node("wf", { type: "Steps", children: ["g0"] }),
        node("g0", { type: "StepGroup", children: ["a", "b"] }),
        node("a", { children: ["g1"] }),
        node("b", { children: ["g1"] }),
        node("g1", { type: "StepGroup", children: ["c"] }),
        node("c"),
      ),
    );
    expect(drawn.boxes.map((b) => b.id)).toEqual(["wf", "a", "b", "c"]);
    expect(drawn.edges.map((e) => `${e.from} ${e.to}`).sort()).toEqual(["a c", "b c", "wf a", "wf b"]);
  });

  test("a wide fan is one box that counts its states", () => {
    const fan = Array.from({ length: 30 }, (_, i) =>
      node(`n${i}`, { displayName: `step(${i}:x)`, boundaryID: "wf", phase: i === 3 ? "Failed" : "Succeeded" }),
    );
    const drawn = picture(map(node("wf", { type: "Steps", children: fan.map((n) => n.id) }), ...fan));
    expect(drawn.boxes).toHaveLength(2);
    expect(drawn.boxes[1]).toMatchObject({ label: "step", phase: "Failed" });
    expect(Object.fromEntries(drawn.boxes[1]?.counts ?? [])).toEqual({ Succeeded: 29, Failed: 1 });
  });
});

test("children come from links: below a parent, or after what ends a group", () => {
  const item = (id: string, type: string, links: object) => ({
    metadata: { name: id, uid: id, resourceVersion: "1", creationTimestamp: "" },
    links,
    status: node(id, { type }),
  });
  const found = family([
    item("c", "Pod", { order: 5, parents: ["g1"] }),
    item("wf", "Steps", { order: 0 }),
    item("g0", "StepGroup", { order: 1, parents: ["wf"] }),
    item("a", "Pod", { order: 2, parents: ["g0"] }),
    item("b", "Pod", { order: 3, parents: ["g0"] }),
    item("g1", "StepGroup", { order: 4, after: ["g0"] }),
  ]);
  expect([...found.keys()]).toEqual(["wf", "g0", "a", "b", "g1", "c"]);
  expect(found.get("a")?.children).toEqual(["g1"]);
  expect(found.get("b")?.children).toEqual(["g1"]);
  expect(found.get("g1")?.children).toEqual(["c"]);
});

test("a pod's name follows upstream's version 2", () => {
  expect(podName("wf", node("wf"))).toBe("wf");
  expect(podName("wf", node("wf-123", { templateName: "train" }))).toBe("wf-train-123");
});

test("an approval sets the node's phase and the supplied output", () => {
  const asked = node("wf-1", {
    type: "Suspend",
    outputs: { parameters: [{ name: "answer", valueFrom: { supplied: {} } }, { name: "other", value: "x" }] },
  });
  expect(approval(asked, { answer: "yes" })).toMatchObject({
    spec: { suspend: null },
    status: {
      nodes: {
        "wf-1": {
          phase: "Succeeded",
          outputs: { parameters: [{ name: "answer", value: "yes" }, { name: "other", value: "x" }] },
        },
      },
    },
  });
});

describe("which way a run flows", () => {
  const chain = (n: number) => map(...Array.from({ length: n }, (_, i) => node(`n${i}`, { children: [`n${i + 1}`] })));
  const fan = (n: number) =>
    map(node("wf", { type: "Steps", children: Array.from({ length: n }, (_, i) => `f${i}`) }), ...Array.from({ length: n }, (_, i) => node(`f${i}`)));

  test("a long chain goes down a tall canvas, a wide fan beside its start", () => {
    expect(direction(picture(chain(6)), 640, 720)).toBe("DOWN");
    expect(direction(picture(fan(12)), 640, 720)).toBe("RIGHT");
  });

  test("two boxes that fit anyway lie side by side", () => {
    expect(direction(picture(chain(2)), 640, 720)).toBe("RIGHT");
  });
});

describe("what a suspended step asks", () => {
  test("the choices stand at the template’s input of the same name", () => {
    const asks = node("s", {
      type: "Suspend",
      templateName: "ask",
      outputs: { parameters: [{ name: "stage", valueFrom: { supplied: {} } }, { name: "given", value: "1" }] },
    });
    const declared = { parameters: [{ name: "stage", enum: ["canary", "all"] }] };
    const workflow = { metadata: { name: "w", uid: "u", creationTimestamp: "" }, spec: { templates: [{ name: "ask", inputs: declared }] } };
    expect(questions(asks, workflow as never)).toEqual([{ name: "stage", enum: ["canary", "all"], valueFrom: { supplied: {} } }]);
  });
});

describe("places of boxes", () => {
  test("a diamond is even, and what follows a chain stands in its line", () => {
    const diamond = seats(4, [[0, 1], [0, 2], [1, 3], [2, 3]], 10);
    expect(diamond).toEqual([{ layer: 0, across: 5 }, { layer: 1, across: 0 }, { layer: 1, across: 10 }, { layer: 2, across: 5 }]);
    const branch = seats(4, [[0, 1], [0, 2], [2, 3]], 10);
    expect(branch[3]?.across).toBe(branch[2]?.across);
  });

  test("an edge that passes a layer has room there: no box lies on it", () => {
    const [first, middle, last] = seats(3, [[0, 1], [1, 2], [0, 2]], 10);
    expect(last?.layer).toBe(2);
    expect(middle?.across).not.toBe(first?.across);
  });

  test("boxes of a layer never overlap, however dense the graph is", () => {
    const edges = Array.from({ length: 120 }, (_, i) => [i % 30, 30 + ((i * 7) % 40)] as const);
    const found = seats(70, edges, 10).filter((seat) => seat.layer === 1).map((seat) => seat.across).sort((a, b) => a - b);
    for (let i = 1; i < found.length; i++) expect((found[i] ?? 0) - (found[i - 1] ?? 0)).toBeGreaterThanOrEqual(10 - 1e-9);
  });

  test("a circle is drawn all the same", () => {
    expect(seats(3, [[0, 1], [1, 2], [2, 1]], 10)).toHaveLength(3);
  });

  test("wishes are met as far as their order leaves room", () => {
    expect(spread([0, 0, 0], 10)).toEqual([-10, 0, 10]);
    expect(spread([0, 50], 10)).toEqual([0, 50]);
  });
});
