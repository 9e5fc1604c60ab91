import { describe, expect, it } from "vitest";
import type { InferenceService } from "../src/endpoints/kinds";
import { type Json, Refused, curl, example, fitted, inference, outputs, typed } from "../src/endpoints/predict";
import { canary, settled, shares, split } from "../src/endpoints/rollout";
import { type Counted, kept, rates, recent, sample } from "../src/endpoints/statistics";

function service(percent: number | undefined, component: object): InferenceService {
  return {
    metadata: { name: "digits", namespace: "default", uid: "u", resourceVersion: "1", creationTimestamp: "2026-01-01T00:00:00Z" },
    spec: { predictor: percent === undefined ? {} : { canaryTrafficPercent: percent } },
    status: { components: { predictor: component } },
  };
}

const TWO = {
  latestReadyRevision: "d-2",
  latestRolledoutRevision: "d-1",
  traffic: [
    { revisionName: "d-2", percent: 10, latestRevision: true },
    { revisionName: "d-1", percent: 90, tag: "prev" },
  ],
};

describe("a rollout", () => {
  it("has the stable revision first", () => {
    expect(shares(TWO).map((s) => [s.revision, s.percent, s.newest])).toEqual([
      ["d-1", 90, false],
      ["d-2", 10, true],
    ]);
  });

  it("is settled when the gateway gives what the spec asks for", () => {
    const now = canary(service(10, TWO), "predictor");
    expect(now).toEqual({ newest: "d-2", stable: "d-1", percent: 10, asked: 10 });
    expect(now && settled(now)).toBe(true);
    const later = canary(service(40, TWO), "predictor");
    expect(later && settled(later)).toBe(false);
  });

  it("can go back after a promotion, and nowhere from the first revision", () => {
    const all = { latestReadyRevision: "d-2", latestRolledoutRevision: "d-2", traffic: [{ revisionName: "d-2", percent: 100 }] };
    expect(canary(service(undefined, { ...all, previousRolledoutRevision: "d-1" }), "predictor")?.stable).toBe("d-1");
    expect(canary(service(undefined, all), "predictor")).toBeNull();
  });

  it("is promoted by taking the field away", () => {
    expect(split("predictor", null)).toEqual({ spec: { predictor: { canaryTrafficPercent: null } } });
  });
});

describe("counters", () => {
  const counted = (requests: number, errors = 0): Counted => ({
    namespace: "default", name: "d", url: "", ready: true, message: "", mode: "",
    revisions: [{ name: "d-1", component: "predictor", weight: 100, tags: [], ready: true, requests, errors, rejected: 0, active: 0, held: 0, p50: 1, p95: 2, p99: 3 }],
  });

  it("become rates between two looks", () => {
    const seen = [sample(counted(100), 0), sample(counted(120, 4), 2000)];
    expect(rates(seen, "d-1")).toEqual([{ at: 2000, requests: 10, errors: 2, p95: 2 }]);
    expect(recent(seen, "d-1")?.requests).toBe(10);
  });

  it("say nothing about a time in which nobody looked, and are never negative", () => {
    expect(rates([sample(counted(100), 0), sample(counted(900), 60_000)], "d-1")).toEqual([]);
    expect(rates([sample(counted(100), 0), sample(counted(3), 1000)], "d-1")[0]?.requests).toBe(0);
  });

  it("are forgotten after ten minutes", () => {
    expect(kept([sample(counted(1), 0)], sample(counted(2), 600_001))).toHaveLength(1);
  });
});

describe("a prediction", () => {
  const input = { name: "x", datatype: "FP64", shape: [-1, 2] };

  it("begins with an example of the right shape", () => {
    expect(example({ name: "x", datatype: "FP32", shape: [-1, 3] })).toBe("[[0,0,0]]");
    expect(example({ name: "x", datatype: "BYTES", shape: [-1] })).toBe('[""]');
  });

  it("takes rows, or their values without brackets", () => {
    expect(inference([input], { x: "[[1,2],[3,4]]" })).toEqual({
      inputs: [{ name: "x", datatype: "FP64", shape: [2, 2], data: [1, 2, 3, 4] }],
    });
    expect(fitted(input, typed("x", "1, 2, 3, 4")).shape).toEqual([2, 2]);
  });

  it("names the field that does not fit", () => {
    const refusal = (text: string): unknown => {
      try {
        return inference([input], { x: text });
      } catch (problem) {
        return problem;
      }
    };
    expect(refusal("[1, 2, 3]")).toBeInstanceOf(Refused);
    expect(String(refusal("[[1, 2], [3]]"))).toContain("rows are not of the same length");
    expect(refusal("abc")).toMatchObject({ field: "x" });
  });

  it("folds outputs as their shapes say", () => {
    const answer = { outputs: [{ name: "y", datatype: "FP32", shape: [2, 2], data: [1, 2, 3, 4] as Json[] }] };
    expect(outputs(answer)[0]?.value).toEqual([[1, 2], [3, 4]]);
    expect(outputs(null)).toEqual([]);
  });

  it("is one line for a shell, whatever is in it", () => {
    expect(curl("http://x", `{"a":"it's"}`)).toContain(`'{"a":"it'\\''s"}'`);
  });
});
