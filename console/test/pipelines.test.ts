import { describe, expect, it } from "vitest";
import type { Artifact, Run, Task } from "../src/pipelines/kfp";
import { compared, drawn, givenTo, inputChanges } from "../src/pipelines/drawing";
import { type Order, body, cached, literal, python } from "../src/pipelines/call";
import { type PipelineSpec, bars, commonest, differences, matrices, measures, metrics, pasted, pipelineName, summary, time, value, values } from "../src/pipelines/spec";
import { madeBy, things, usedBy } from "../src/pipelines/things";
import { DAILY, faults, next, ofTrigger, told, trigger } from "../src/pipelines/when";
import type { NodeStatus } from "../src/api/types";
import { blocks, spans } from "../src/ui/prose";

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

  it("takes all of them pasted, too", () => {
    expect(pasted('{"depth": 3, "layers": [1, 2]}').found).toEqual({ depth: "3", layers: "[1,2]" });
    expect(pasted("depth: 3").found).toEqual({ depth: "3" });
    expect(pasted("[1]").wrong).toContain("names");
  });

  it("says what is wrong by name, and leaves the rest as it stands", () => {
    const wanted = Object.entries({ depth: { parameterType: "NUMBER_INTEGER", defaultValue: 3 }, rate: { parameterType: "NUMBER_DOUBLE" } });
    expect(values(wanted, { rate: "fast" })).toEqual({ parameters: { depth: 3 }, wrong: { rate: "expected a number" } });
  });

  it("knows what a compiled pipeline calls itself", () => {
    expect(pipelineName("components: {}\npipelineInfo:\n  description: x\n  name: hello-world\nroot: {}")).toBe("hello-world");
    expect(pipelineName("pipelineInfo: {name: measure, description: d}")).toBe("measure");
  });
});

describe("a recurring run", () => {
  const NOW = new Date("2026-11-22T10:30:00Z");

  it("repeats by cron or by units, within bounds", () => {
    expect(trigger({ ...DAILY, kind: "cron", cron: " 0 0 6 * * * " })).toEqual({ cron_schedule: { cron: "0 0 6 * * *" } });
    expect(trigger({ ...DAILY, every: "2", unit: "hours" })).toEqual({ periodic_schedule: { interval_second: "7200" } });
    expect(trigger({ ...DAILY, start: "2026-01-01T00:00" }).periodic_schedule?.start_time).toBeTruthy();
  });

  it("reads a trigger back in the words of the form", () => {
    expect(ofTrigger({ periodic_schedule: { interval_second: "7200" } })).toMatchObject({ kind: "every", every: "2", unit: "hours" });
    expect(told({ trigger: { periodic_schedule: { interval_second: "86400" } } })).toBe("every day");
    expect(told({ trigger: { cron_schedule: { cron: "0 0 6 * * *", start_time: "1970-01-01T00:00:00Z" } } })).toBe("0 0 6 * * *");
  });

  it("tells its next times: cron in UTC, steps as the server counts them", () => {
    expect(next({ cron_schedule: { cron: "0 0 6 * * *" } }, 2, NOW).map((at) => at.toISOString())).toEqual(["2026-11-23T06:00:00.000Z", "2026-11-24T06:00:00.000Z"]);
    expect(next({ periodic_schedule: { interval_second: "3600" } }, 1, NOW)[0]?.toISOString()).toBe("2026-11-22T11:00:00.000Z");
    expect(next({ cron_schedule: { cron: "0 0 6 * * *", end_time: "2026-11-23T07:00:00Z" } }, 5, NOW)).toHaveLength(1);
  });

  it("says what cannot be", () => {
    expect(faults({ ...DAILY, every: "0" }).every).toBeTruthy();
    expect(faults({ ...DAILY, kind: "cron", cron: "often" }).cron).toContain("six fields");
    expect(faults({ ...DAILY, start: "2026-02-01T00:00", end: "2026-01-01T00:00" }).end).toBeTruthy();
  });
});

describe("an order for a run", () => {
  const order: Order = { name: "a run", description: "", experiment: "e", pipeline: "p", version: "v", account: "", root: "", parameters: { depth: 3, on: true, none: null } };

  it("names its version, unless the cache of every task is switched", () => {
    expect(body(order, undefined)).toEqual({
      display_name: "a run", experiment_id: "e", pipeline_version_reference: { pipeline_id: "p", pipeline_version_id: "v" },
      runtime_config: { parameters: { depth: 3, on: true, none: null } },
    });
    const spec = { root: { dag: { tasks: { a: { cachingOptions: { enableCache: true } } } } } } as PipelineSpec;
    expect(JSON.stringify(cached(spec, false))).toContain('"cachingOptions":{}');
    expect(Object.keys(body({ ...order, caching: false }, spec))).toContain("pipeline_spec");
  });

  it("is said in Python, too", () => {
    expect(literal({ a: [true, null, "x"] })).toBe('{"a": [True, None, "x"]}');
    expect(python(order)).toContain("client.run_pipeline(");
    const again = { trigger: { cron_schedule: { cron: "0 0 6 * * *" } }, concurrency: "2", catchup: false };
    expect(python({ ...order, again })).toMatch(/create_recurring_run[\s\S]*cron_expression="0 0 6 \* \* \*"[\s\S]*no_catchup=True/);
  });
});

describe("a version of a pipeline", () => {
  const executor = (image: string) => ({ executors: { "exec-a": { container: { image } } } });
  const spec = (tasks: object, image = "one", parameters = {}): PipelineSpec =>
    ({ root: { dag: { tasks }, inputDefinitions: { parameters } }, components: { "comp-a": { executorLabel: "exec-a" }, "comp-loop": { dag: { tasks: {} } } }, deploymentSpec: executor(image) }) as PipelineSpec;
  const load = { componentRef: { name: "comp-a" } };
  const train = { componentRef: { name: "comp-a" }, dependentTasks: ["load"], inputs: { artifacts: { x: { taskOutputArtifact: { producerTask: "load", outputArtifactKey: "table" } } } } };

  it("is drawn, each pair of tasks with one arrow", () => {
    const found = drawn(spec({ load, train, each: { componentRef: { name: "comp-loop" }, parameterIterator: {} } }));
    expect(found.arrows).toEqual([{ from: "load", to: "train" }]);
    expect(found.tasks.map((t) => [t.id, t.detail, t.opens])).toEqual([["load", "component", undefined], ["train", "component", undefined], ["each", "loop", "comp-loop"]]);
    expect(givenTo(spec({ load, train }), "root", "train")).toEqual([["x", "table of load"]]);
  });

  it("says what came, went and changed since another", () => {
    const changes = (a: PipelineSpec, b: PipelineSpec) => compared(a, b).tasks.map((t) => `${t.id} ${t.change}`);
    expect(changes(spec({ load }), spec({ load, train }))).toEqual(["load same", "train added"]);
    expect(changes(spec({ load, train }), spec({ load }))).toEqual(["load same", "train removed"]);
    expect(changes(spec({ load }, "one"), spec({ load }, "two"))).toEqual(["load changed"]);
    expect(inputChanges(spec({}, "", { a: { defaultValue: 1 } }), spec({}, "", { a: { defaultValue: 2 }, b: {} }))).toEqual(["a: the default was 1, is 2", "b is new"]);
  });
});

describe("what a run left", () => {
  const KEY = "v2/artifacts/p/r/load/u";
  const carried = (name: string, type: string) => JSON.stringify([{ name, uri: `minio://mlpipeline/${KEY}/${name}`, type: { schemaTitle: `system.${type}` }, metadata: { n: 1 } }]);
  const node = (id: string, inputs: NodeStatus["inputs"], outputs: NodeStatus["outputs"]): NodeStatus => ({ id, name: id, displayName: id, type: "Pod", ...(inputs ? { inputs } : {}), ...(outputs ? { outputs } : {}) });
  const load = node("load", undefined, { parameters: [{ name: "m", value: carried("m", "Metrics") }, { name: "n", value: "3" }], artifacts: [{ name: "root", s3: { key: KEY } }] });
  const train = node("train", { parameters: [{ name: "x", value: carried("m", "Metrics") }] }, undefined);
  const all = things(new Map([["load", load], ["train", train]]), { namespace: "ns", id: "wf", archived: false });

  it("is read from the nodes: who made it, who used it, where it lies", () => {
    expect(all).toHaveLength(1);
    expect(all[0]).toMatchObject({ name: "m", type: "Metric", by: { id: "load" }, usedBy: [{ id: "train", name: "train" }], view: "/artifact-files/ns/workflows/wf/load/outputs/root/m" });
    expect(madeBy(all, load)).toEqual(all);
    expect(usedBy(all, train)).toEqual(all);
    expect(madeBy(all, train)).toEqual([]);
  });

  it("counts metrics by run", () => {
    const found = measures([{ artifact_id: "1", name: "m", type: "Metric", metadata: { accuracy: 0.9 } }], [{ artifact_id: "1", run_id: "a" }, { artifact_id: "1", run_id: "b" }]);
    expect(found.get("a")).toEqual(new Map([["accuracy", 0.9]]));
    expect(commonest(found, 3)).toEqual(["accuracy"]);
    expect(summary({ artifact_id: "1", name: "m", type: "Metric", metadata: { accuracy: 0.8600000000000001, confusionMatrix: {} } })).toBe("accuracy 0.86, confusion matrix");
  });
});

describe("somebody's Markdown", () => {
  it("is blocks and spans; HTML stays text, and links lead to the web alone", () => {
    const found = blocks("# Report\n\nis **good** and `x`\n\n- one\n- two\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```\ncode\n```");
    expect(found.map((b) => b.kind)).toEqual(["heading", "paragraph", "list", "table", "code"]);
    expect(spans("<b>x</b>")).toEqual([{ kind: "text", text: "<b>x</b>" }]);
    expect(spans("[in](javascript:alert)")).toEqual([{ kind: "text", text: "in" }]);
    expect(spans("[out](https://x.org)")).toEqual([{ kind: "link", text: "out", to: "https://x.org" }]);
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
