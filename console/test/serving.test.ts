import { describe, expect, test } from "vitest";
import { language } from "../src/composer/document/inference/language";
import { type Here, lastFailure, leadsTo, lines, states, taken } from "../src/composer/serving/live";
import { moved } from "../src/composer/serving/shares";
import { EMPTY } from "../src/composer/model";
import { type Sample, type Tally, graphSample, stepKey } from "../src/endpoints/statistics";
import { type Walked, duration, legible } from "../src/endpoints/walks";

const DOCUMENT = {
  kind: "InferenceGraph",
  metadata: { name: "pets" },
  spec: {
    nodes: {
      root: { routerType: "Sequence", steps: [{ serviceName: "first" }, { nodeName: "choice", data: "$response" }] },
      choice: { routerType: "Switch", steps: [{ serviceName: "cats", condition: "cat" }, { serviceName: "dogs", condition: "dog" }] },
    },
  },
};
const graph = language.read(DOCUMENT, "", { ...EMPTY, find: () => undefined, components: [] } as never);
const tally = (requests: number): Tally => ({ requests, errors: 0, rejected: 0, p50: 1, p95: 12, p99: 20 });
const counted = (requests: number) => ({
  namespace: "n", name: "pets", url: "", ready: true, message: "", whole: tally(requests),
  steps: [
    { ...tally(requests), node: "root", index: 0, failure: "", failedAt: null },
    { ...tally(requests), node: "choice", index: 1, failure: "503: ill", failedAt: 9 },
  ],
});
const seen: Sample<Tally>[] = [graphSample(counted(10), 1000), graphSample(counted(30), 3000)];
const service = (name: string, status: string) => ({ metadata: { name }, spec: {}, status: { conditions: [{ type: "Ready", status }] } }) as never;
const here: Here = {
  document: DOCUMENT, graph, walked: null, seen, steps: counted(30).steps,
  services: new Map([["first", service("first", "True")], ["cats", service("cats", "False")]]),
  replicas: new Map([["first", 2]]),
};

describe("a served graph on its drawing", () => {
  test("says of services whether they are ready, and of all what comes", () => {
    const found = states(here);
    expect(found.get("service/first")).toMatchObject({ phase: "Succeeded", said: "2 replicas · 10/s · 12 ms" });
    expect(found.get("service/cats")).toMatchObject({ phase: "Pending", said: "no replica" });
    expect(found.get("service/dogs")).toMatchObject({ phase: "Failed", said: "no such InferenceService" });
    expect(found.get("choice")).toMatchObject({ phase: "Succeeded" });
    expect(lastFailure(here, "service/dogs")?.failure).toBe("503: ill");
    expect(lastFailure(here, "service/first")).toBeUndefined();
  });

  test("lights the way that a request took", () => {
    const step = (node: string, index: number, status: number) => ({
      node, index, began: 0, took: 12, status, failure: status ? "" : "refused", request: { text: "" }, requestSize: 0, answer: { text: "" }, answerSize: 0,
    });
    const walked: Walked = { status: 200, contentType: "", took: 30, body: { text: "{}" }, steps: [step("root", 0, 200), step("root", 1, 200), step("choice", 1, 0)] };
    const on = { ...here, walked };
    const found = states(on);
    expect(found.get("root")).toMatchObject({ phase: "Succeeded", said: "200 · 30 ms" });
    expect(found.get("service/dogs")).toMatchObject({ phase: "Failed", said: "no answer · 12 ms" });
    expect(found.get("service/cats")).toMatchObject({ phase: "Skipped", said: "not on its way" });
    const lit = lines(on).filter((line) => taken(on).has(line.edge.id)).map((line) => stepKey(line.edge.from.node, line.index));
    expect(lit).toEqual(["root 0", "root 1", "choice 1"]);
    expect(leadsTo(on, { node: "choice", index: 1 })).toBe("choice → dogs");
    expect(taken(here).size).toBe(0);
  });

  test("messages are read as they are", () => {
    expect(legible({ text: '{"a":1}' })).toBe('{\n  "a": 1\n}');
    expect([legible({ text: "no" }), legible({ base64: "AAAA" }), legible({ base64: "AAAA" }, 900)]).toEqual(["no", "3 bytes", "900 bytes"]);
    expect([duration(1.26), duration(12.6), duration(12_600)]).toEqual(["1.3 ms", "13 ms", "12.6 s"]);
  });
});

describe("shares", () => {
  test.each([
    [[50, 50], 0, 80, [80, 20]], [[60, 30, 10], 0, 20, [20, 60, 20]], [[100, 0, 0], 0, 33, [33, 34, 33]], [[10], 0, 5, [100]],
    [[33, 33, 34], 1, 100, [0, 100, 0]], [[0, 0], 0, 130, [100, 0]],
  ])("%j with the %i. at %i", (shares, at, to, wanted) => {
    expect(moved(shares, at, to)).toEqual(wanted);
  });

  test("always make 100", () => {
    for (let to = 0; to <= 100; to += 7) expect(moved([17, 29, 41, 13], 2, to).reduce((a, b) => a + b)).toBe(100);
  });
});
