import { describe, expect, it } from "vitest";
import type { Artifact, Run, Task } from "../src/pipelines/kfp";
import { bars, differences, matrices, metrics, time, trigger, value } from "../src/pipelines/spec";

describe("a pipeline's form", () => {
  it("reads what was typed as its type wants it", () => {
    expect(value({ parameterType: "NUMBER_INTEGER" }, "5")).toEqual({ value: 5 });
    expect(value({ parameterType: "NUMBER_INTEGER" }, "5.5").wrong).toContain("whole");
    expect(value({ parameterType: "BOOLEAN" }, "true")).toEqual({ value: true });
    expect(value({ parameterType: "LIST" }, "[1, 2]")).toEqual({ value: [1, 2] });
    expect(value({ parameterType: "STRUCT" }, "[1]").wrong).toContain("object");
    expect(value({ parameterType: "STRING" }, "")).toEqual({ value: "" });
  });

  it("leaves out what has a default, and asks for what has none", () => {
    expect(value({ parameterType: "NUMBER_DOUBLE", defaultValue: 1 }, "")).toEqual({});
    expect(value({ parameterType: "NUMBER_DOUBLE" }, "").wrong).toContain("needed");
  });

  it("repeats by cron or by seconds", () => {
    expect(trigger("0 0 6 * * *", "")).toEqual({ cron_schedule: { cron: "0 0 6 * * *" } });
    expect(trigger("", "60")).toEqual({ periodic_schedule: { interval_second: "60" } });
  });
});

describe("a pipeline's run", () => {
  const task = (id: string, from: number, to: number, parent?: string): Task => ({
    task_id: id, display_name: id, start_time: new Date(1e12 + from).toISOString(), end_time: new Date(1e12 + to).toISOString(),
    ...(parent ? { parent_task_id: parent } : {}),
  });

  it("has its tasks in their order and below what holds them", () => {
    const found = bars([task("root", 0, 100), task("b", 50, 100, "root"), task("a", 0, 50, "root"), task("in b", 60, 80, "b")], 1e12 + 100);
    expect(found.map((b) => [b.task.task_id, b.depth])).toEqual([["a", 0], ["b", 0], ["in b", 1]]);
    expect(found[0]?.from).toBeCloseTo(0);
    expect(found[0]?.length).toBeCloseTo(0.5);
  });

  it("knows that the year 1 means never", () => {
    expect(time("0001-01-01T00:00:00Z")).toBeUndefined();
  });

  it("shows metrics and confusion matrices of its artifacts", () => {
    const artifact = (type: string, metadata: Artifact["metadata"]): Artifact => ({ artifact_id: "1", name: "m", type, ...(metadata ? { metadata } : {}) });
    expect(metrics([artifact("Metric", { accuracy: 0.9, display_name: "x" })])).toEqual(new Map([["accuracy", 0.9]]));
    expect(metrics([artifact("Metric", { accuracy: 0.9 }), artifact("Metric", { accuracy: 0.8 })]).size).toBe(2);
    const confusionMatrix = { annotationSpecs: [{ displayName: "cat" }], rows: [{ row: [3] }] };
    expect(matrices([artifact("ClassificationMetric", { confusionMatrix })])).toEqual([{ name: "m", labels: ["cat"], rows: [[3]] }]);
  });

  it("differs from another in what it was given", () => {
    const run = (depth: number): Run => ({ run_id: String(depth), display_name: "r", created_at: "", runtime_config: { parameters: { depth, seed: 1 } } });
    expect(differences([run(1), run(2)]).map((d) => [d.name, d.differs])).toEqual([["depth", true], ["seed", false]]);
  });
});
