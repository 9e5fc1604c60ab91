import { describe, expect, it } from "vitest";
import type { Version } from "../src/models/registry";
import { compare, edits, grouped, home, revision, service, servingFormat } from "../src/models/registry";
import { type Tree, amount, picture, question } from "../src/models/tree";
import { drawing } from "../src/endpoints/graph";
import { JOBSET, MPI, MPI2, PYTORCH, TRAIN, type TrainingJob } from "../src/training/kinds";
import { distinct, replicas, role, selector, state, suspend, told } from "../src/training/states";
import { blank, document, faults, parameter, sound } from "../src/tuning/form";
import { curves, read } from "../src/tuning/history";
import type { Trial } from "../src/tuning/kinds";
import { importance, records, rows, short } from "../src/tuning/results";

const META = { namespace: "default", uid: "u", resourceVersion: "1", creationTimestamp: "2026-01-01T00:00:00Z" };

describe("a training job", () => {
  const job = (types: string[], spec = {}): TrainingJob => ({
    metadata: { name: "j", ...META },
    spec,
    status: { conditions: types.map((type) => ({ type, status: "True" })) },
  });

  it("stands as its weightiest condition says", () => {
    expect(state(job(["Created", "Running"]))).toBe("Running");
    expect(state(job(["Created", "Failed"]))).toBe("Failed");
    expect(state(job(["Complete"]))).toBe("Succeeded");
    expect(state(job([], { runPolicy: { suspend: true } }))).toBe("Suspended");
  });

  it("is suspended where its kind has the field", () => {
    expect(suspend(PYTORCH, true)).toEqual({ spec: { runPolicy: { suspend: true } } });
    expect(suspend(TRAIN, false)).toEqual({ spec: { suspend: false } });
  });

  it("is listed once, and not beside what made it", () => {
    const set = { ...job([]), metadata: { name: "s", ...META, uid: "s", ownerReferences: [{ apiVersion: "t", kind: "TrainJob", name: "t", uid: "t", controller: true }] } };
    expect(distinct([{ family: MPI2, job: job([]) }, { family: MPI, job: job([]) }, { family: JOBSET, job: set }])).toHaveLength(1);
    expect(state(job(["Completed"]))).toBe("Succeeded");
  });

  it("shows what a replica is told of the others", () => {
    const pod = { metadata: { name: "p", ...META }, spec: { containers: [{ name: "c", env: [{ name: "TF_CONFIG", value: '{"task":{"index":1}}' }, { name: "HOME", value: "/" }, { name: "RANK", value: "1" }] }] } };
    expect(told(pod)).toEqual([["TF_CONFIG", '{\n  "task": {\n    "index": 1\n  }\n}'], ["RANK", "1"]]);
  });

  it("counts its replicas and finds their pods", () => {
    const specs = { pytorchReplicaSpecs: { Master: { replicas: 1 }, Worker: { replicas: 2 } } };
    expect(replicas(PYTORCH, job([], specs))).toBe("1 Master, 2 Worker");
    expect(selector(PYTORCH, "j")).toContain("operator-name=pytorchjob-controller");
    expect(role({ "training.kubeflow.org/replica-type": "worker", "training.kubeflow.org/replica-index": "1" })).toEqual({ type: "worker", index: 1 });
  });
});

describe("a version of a model", () => {
  const version: Version = { model: "m", version: "2", number: 2, description: "old", aliases: ["blue"], metrics: { accuracy: 0.9 }, hyperparameters: { depth: "3" } };

  it("is edited by the calls that change something, and no other", () => {
    expect(edits(version, { description: "old", stage: "None", aliases: ["blue"] })).toEqual([]);
    const steps = edits(version, { description: "new", stage: "Production", aliases: ["green"] });
    expect(steps.map((s) => `${s.method} ${s.path}`)).toEqual(["PATCH model-versions/update", "POST model-versions/transition-stage", "POST registered-models/alias", "DELETE registered-models/alias"]);
  });

  it("stands beside others, fact by fact", () => {
    const [about, parameters, metrics] = compare([version, { model: "m", version: "1", number: 1, description: "old", metrics: { accuracy: 0.8 } }]);
    expect(about?.[1].find((r) => r.name === "Description")?.differs).toBe(false);
    expect(parameters?.[1]).toEqual([{ name: "depth", values: ["3", ""], differs: true }]);
    expect(metrics?.[1]).toEqual([{ name: "accuracy", values: ["0.9", "0.8"], differs: true }]);
  });
});

describe("a new experiment", () => {
  const nothing = { experiments: [], templates: [] };

  it("refers to each parameter in the program that a trial runs", () => {
    const made = JSON.stringify(document({ ...blank(), parameters: [{ ...parameter("rate"), min: "0.1", max: "1", log: true }] }, nothing));
    expect(made).toContain('"args":["--rate=${trialParameters.rate}"]');
    expect(made).toContain('"trialParameters":[{"name":"rate","reference":"rate"}]');
    expect(made).toContain('"distribution":"logUniform"');
    expect(made).not.toContain("goal");
  });

  it("hands parameters to a workflow template's arguments", () => {
    const made = JSON.stringify(document({ ...blank(), trial: "workflow/train" }, nothing));
    expect(made).toContain('"workflowTemplateRef":{"name":"train"}');
    expect(made).toContain('{"name":"x","value":"${trialParameters.x}"}');
  });

  it("says what is wrong where it is", () => {
    expect(sound(faults(blank()))).toBe(true);
    const bad = faults({ ...blank(), name: "Big One", most: "2", parallel: "3", parameters: [parameter("x"), parameter("x"), { ...parameter("o"), type: "categorical" }, { ...parameter("r"), min: "0", log: true }] });
    expect(bad.name).toBeTruthy();
    expect(bad.parallel).toBeTruthy();
    expect(bad.parameters.map(Boolean)).toEqual([false, true, true, true]);
  });
});

describe("a trial's history", () => {
  it("is read from what it prints, as upstream's collector does", () => {
    const found = read("epoch 1\nloss=0.5 accuracy = 1e-1\nloss=0.25\nother=3", ["loss", "accuracy"]);
    expect(curves(found, ["loss", "accuracy"])).toEqual([{ name: "loss", points: [[1, 0.5], [2, 0.25]] }, { name: "accuracy", points: [[1, 0.1]] }]);
  });
});

describe("an experiment", () => {
  const trial = (name: string, x: number, kernel: string, score: number | null): Trial => ({
    metadata: { name, ...META },
    spec: { parameterAssignments: [{ name: "x", value: String(x) }, { name: "kernel", value: kernel }] },
    status: {
      startTime: `2026-01-01T00:00:0${name}Z`,
      observation: { metrics: score === null ? [] : [{ name: "score", latest: String(score), min: "0", max: String(score + 1) }] },
    },
  });
  const objective = { type: "maximize" as const, objectiveMetricName: "score" };
  const found = rows([trial("2", 2, "b", 5), trial("1", 1, "a", 3), trial("3", 3, "a", null), trial("4", 4, "b", 4)], objective);

  it("lists trials as they began, and the best so far after each", () => {
    expect(found.map((r) => r.name)).toEqual(["1", "2", "3", "4"]);
    expect(records(found, objective)).toEqual([3, 5, 5, 5]);
  });

  it("reads the metric that the strategy says", () => {
    const strategy = { ...objective, metricStrategies: [{ name: "score", value: "max" as const }] };
    expect(rows([trial("1", 1, "a", 3)], strategy)[0]?.objective).toBe(4);
  });

  it("tells what mattered only when there is enough", () => {
    const parameters = [
      { name: "x", parameterType: "double" as const, feasibleSpace: {} },
      { name: "kernel", parameterType: "categorical" as const, feasibleSpace: { list: ["a", "b"] } },
    ];
    expect(importance(found, parameters)).toEqual([]);
    const more = rows([1, 2, 3, 4, 5, 6].map((n) => trial(String(n), n, n % 2 ? "a" : "b", n * n)), objective);
    const [first] = importance(more, parameters);
    expect(first?.name).toBe("x");
    expect(first?.share).toBeCloseTo(1);
  });

  it("shows as few digits as tell values apart", () => {
    expect([short(0.99111111), short("rbf"), short("555"), short("")]).toEqual(["0.9911", "rbf", "555", ""]);
  });
});

describe("a registered model", () => {
  const version = (number: number): Version => ({
    model: "digits", version: String(number), number, framework: "scikit-learn 1.8.0", uri: "s3://artifacts/m", workspace: "lab",
  });

  it("has its newest version first", () => {
    expect(grouped([version(1), version(2)])[0]?.versions.map((v) => v.number)).toEqual([2, 1]);
  });

  it("goes into service in its own namespace, by the format that its framework has", () => {
    expect(servingFormat(version(1))).toBe("sklearn");
    expect(home(version(1), "default")).toBe("lab");
    expect(home({ ...version(1), uri: "hf://a/b" }, "default")).toBe("default");
    const wanted = { name: "d", format: "sklearn", uri: "s3://artifacts/m", ids: { model: "1", version: "2" } };
    expect(service(wanted)).toMatchObject({ metadata: { labels: { "modelregistry.kubeflow.org/registered-model-id": "1" } } });
    expect(revision(wanted, 100)).toMatchObject({ spec: { predictor: { canaryTrafficPercent: null } } });
  });
});

describe("lineage", () => {
  const data: Tree = { kind: "dataset", title: "images", facts: { digest: "a".repeat(64), bytes: 4382745 }, children: [] };
  const seen: Tree = { ...data, kind: "artifact", facts: { digest: "a".repeat(64), seen: true } };
  const step = (pod: string, child: Tree): Tree => ({ kind: "execution", title: "train", facts: { pod }, children: [child] });
  const root: Tree = { kind: "endpoint", title: "InferenceService/d", facts: { url: "http://d" }, children: [step("p1", data), step("p2", seen)] };

  it("draws what is told twice once, with arrows from data to what was made of it", () => {
    const { boxes, arrows } = picture(root, false);
    expect(boxes).toHaveLength(4);
    expect(arrows).toContainEqual({ from: `content ${"a".repeat(64)}`, to: "execution p1" });
    expect(boxes.find((b) => b.id.startsWith("content"))?.tree).toBe(data);
    expect(picture(root, true).arrows).toContainEqual({ from: "execution p1", to: `content ${"a".repeat(64)}` });
  });

  it("knows the word that asks for a thing again", () => {
    expect(question(root)).toBe("endpoint/d");
    expect(question({ kind: "version", title: "digits version 2", facts: {}, children: [] })).toBe("digits:2");
    expect(question(data)).toBe("a".repeat(16));
    expect(amount(4382745)).toBe("4.4 MB");
  });
});

describe("a graph of models", () => {
  it("draws routers, services and shares", () => {
    const nodes = { root: { routerType: "Splitter", steps: [{ serviceName: "a", weight: 80 }, { nodeName: "next", weight: 20 }] }, next: { routerType: "Sequence", steps: [{ serviceName: "a" }] } };
    const { boxes, arrows } = drawing({ metadata: { name: "g", ...META }, spec: { nodes } });
    expect(boxes.map((b) => b.title).sort()).toEqual(["a", "next", "root"]);
    expect(arrows).toContainEqual({ from: "node root", to: "service a", label: "80 %" });
  });
});
