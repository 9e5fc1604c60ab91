import { describe, expect, it } from "vitest";
import { machine } from "../src/api/machine";
import type { NodeStatus, Pod } from "../src/api/types";
import { type WorkflowWithNodes, cause, doing, lastWords, onlyACode, waiting } from "../src/home/causes";
import { drafts } from "../src/home/documents";
import { rates } from "../src/home/rates";
import { type WithConditions, endpoint, job, notebook } from "../src/home/work";
import { limits, unfit, words } from "../src/namespaces/contents";
import { blank, documents, problems, scheduling, sound, workspaceName } from "../src/notebooks/form";
import { state, typeOf, users } from "../src/notebooks/state";
import type { NotebookObject } from "../src/notebooks/kinds";
import { bytes, quantity, short } from "../src/objects/quantity";
import { cut, fresh, holding, merged, read } from "../src/observing/lines";
import { parse, quantile, sum } from "../src/observing/prometheus";
import { groups, grown, perSecond } from "../src/observing/series";
import { changed, decoded, encoded, keyProblem, secretDocument } from "../src/secrets/entries";
import { logspath, onVolume } from "../src/tensorboards/boards";
import { fileUrl, trail } from "../src/volumes/files";

const META = { name: "w", namespace: "team", uid: "u", resourceVersion: "1", creationTimestamp: "2026-11-22T10:00:00Z" };

function node(id: string, more: Partial<NodeStatus>): NodeStatus {
  return { id, name: id, displayName: id, type: "Pod", ...more };
}

function workflow(nodes: NodeStatus[], templates: { name: string; suspend?: object }[] = []): WorkflowWithNodes {
  return {
    metadata: META,
    spec: { templates },
    status: { message: "it failed", nodes: Object.fromEntries(nodes.map((each) => [each.id, each])) },
  };
}

describe("quantities", () => {
  it.each([
    ["500m", 0.5], ["2", 2], ["1.5Gi", 1.5 * 2 ** 30], ["12e3", 12_000], ["1982319350n", 1.98231935], ["1706372Ki", 1706372 * 1024], [".5", 0.5],
  ])("%s is %d", (text, value) => expect(quantity(text)).toBeCloseTo(value, 6));
  it.each(["", "two", "1 Gi", "5gb"])("%j is none", (text) => expect(quantity(text)).toBeUndefined());
  it("is shown in three digits", () => {
    expect([bytes(0), bytes(1023), bytes(1536), bytes(5 * 2 ** 40)]).toEqual(["0 B", "1,023 B", "1.5 KiB", "5 TiB"]);
    expect([short(0.05), short(1.94), short(2), short(410)]).toEqual(["0.05", "1.9", "2", "410"]);
  });
});

describe("why a workflow failed", () => {
  it("is its first failed step, not the group around it", () => {
    const nodes = [
      node("w", { type: "DAG", phase: "Failed", finishedAt: "3" }),
      node("late", { phase: "Failed", finishedAt: "2", message: "second" }),
      node("early", { phase: "Failed", finishedAt: "1", message: "first" }),
    ];
    expect(cause(workflow(nodes))).toMatchObject({ node: { id: "early" }, message: "first" });
  });
  it("is no attempt that a later one made good, and of failed attempts the last", () => {
    const good = [node("r", { type: "Retry", phase: "Succeeded", children: ["a", "b"] }), node("a", { phase: "Failed", finishedAt: "1" })];
    const bad = [
      node("s", { type: "Retry", phase: "Failed", children: ["c", "d"] }),
      node("c", { phase: "Failed", finishedAt: "2" }),
      node("d", { phase: "Failed", finishedAt: "3", message: "again" }),
    ];
    expect(cause(workflow([...good, ...bad])).node?.id).toBe("d");
  });
  it("is the workflow's own message where no step failed", () => {
    expect(cause(workflow([]))).toEqual({ node: undefined, message: "it failed" });
  });
  it("is told in the program's last words where the message is only a code", () => {
    expect(["main: Error (exit code 3)", "Error (exit code 1)", ""].every(onlyACode)).toBe(true);
    expect(onlyACode("OOMKilled (exit code 137)")).toBe(false);
    expect(lastWords("a\n  KeyError: price  \n\n")).toBe("KeyError: price");
  });
});

describe("what a workflow waits for", () => {
  const asks = node("ask", { type: "Suspend", phase: "Running", templateName: "ask" });
  it("is a suspended step, unless it goes on by itself", () => {
    expect(waiting(workflow([asks], [{ name: "ask", suspend: {} }]))).toHaveLength(1);
    expect(waiting(workflow([asks], [{ name: "ask", suspend: { duration: "10" } }]))).toEqual([]);
  });
  it("is told of a step that does not begin", () => {
    const held = node("train", { phase: "Pending", message: "0/1 nodes are available" });
    expect(doing(workflow([held])).stuck).toBe("train: 0/1 nodes are available");
    expect(doing(workflow([held, node("load", { phase: "Running" })]))).toEqual({ steps: ["load"], stuck: "" });
  });
});

describe("one line of each", () => {
  const with_ = (status: WithConditions["status"], more: Partial<WithConditions> = {}): WithConditions => ({ metadata: META, ...(status ? { status } : {}), ...more });
  it("a job fails in its controller's words", () => {
    const found = job(with_({ conditions: [{ type: "Failed", status: "True", message: "worker 1 exited with 1" }] }));
    expect(found).toMatchObject({ state: "failed", says: "worker 1 exited with 1" });
  });
  it("an experiment tells its trials and the best", () => {
    const metrics = [{ name: "loss", latest: "0.12" }];
    const found = job(with_({ trials: 4, trialsSucceeded: 3, currentOptimalTrial: { observation: { metrics } } }, { spec: { maxTrialCount: 12 } }));
    expect(found.says).toBe("3 of 12 trials, best loss 0.12");
  });
  it("a stopped notebook is off; an endpoint that starts is no failure", () => {
    const off = { ...META, annotations: { "kubeflow-resource-stopped": "now" } };
    expect(notebook({ metadata: off }).state).toBe("off");
    expect(endpoint(with_({ conditions: [{ type: "Ready", status: "False", reason: "Starting", message: "soon" }] })).state).toBe("waiting");
    expect(endpoint(with_({ conditions: [{ type: "PredictorReady", status: "False", reason: "RevisionFailed", message: "no such file" }] })).state).toBe("failed");
  });
  it("traffic is what was counted since; a counter that began anew counts from nothing", () => {
    const revision = (requests: number) => ({ name: "r", weight: 100, requests, errors: 0, ready: true });
    const items = (requests: number) => [{ name: "e", namespace: "team", url: "", ready: true, revisions: [revision(requests)] }];
    expect(rates({ at: 0, items: items(10) }, { at: 2000, items: items(30) }).get("e")).toBe(10);
    expect(rates({ at: 0, items: items(10) }, { at: 1000, items: items(4) }).get("e")).toBe(4);
  });
});

describe("documents to run", () => {
  it("are named when they lack something", () => {
    expect(drafts("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\n")).toHaveLength(1);
    expect(() => drafts("kind: Pod")).toThrow("document 1: apiVersion and kind are missing");
    expect(() => drafts("apiVersion: v1\nkind: Pod\nmetadata: {}")).toThrow("metadata.name is missing");
    expect(() => drafts("a: [")).toThrow("document 1");
    expect(() => drafts("")).toThrow("there is no document");
  });
});

describe("a new notebook", () => {
  const box = machine([{ metadata: META, status: { allocatable: { cpu: "2", memory: "4Gi", pods: "110", "nvidia.com/gpu": "2" } } }], [], [
    { metadata: META, spec: { containers: [{ name: "c", resources: { requests: { "nvidia.com/gpu": "1" } } }] }, status: { phase: "Running" } },
  ]);
  it("is a claim and a Notebook as upstream's application writes them", () => {
    const { claims, notebook: made } = documents({ ...blank(), name: "lab", gpus: "1" }, { namespace: "team", labels: { "add-keys": "true" }, editor: true });
    expect(claims.map((each) => [each.metadata.name, each.spec.resources.requests.storage])).toEqual([["lab-workspace", "5Gi"]]);
    expect(made).toMatchObject({
      metadata: { labels: { app: "lab", "add-keys": "true" }, annotations: { "notebooks.kubeflow.org/server-type": "jupyter" } },
      spec: {
        template: {
          spec: {
            serviceAccountName: "default-editor",
            containers: [{ name: "lab", resources: { requests: { cpu: "0.5", memory: "1Gi" }, limits: { cpu: "0.6", memory: "1.2Gi", "nvidia.com/gpu": "1" } } }],
            volumes: [{ name: "lab-workspace" }, { name: "dshm", emptyDir: { medium: "Memory" } }],
          },
        },
      },
    });
  });
  it("says where it may run, and when it stops by itself", () => {
    expect(scheduling({ nodes: "disk=ssd", tolerations: "dedicated=gpu:NoSchedule, spot" })).toEqual({
      affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: [{ key: "disk", operator: "In", values: ["ssd"] }] }] } } },
      tolerations: [{ key: "dedicated", operator: "Equal", value: "gpu", effect: "NoSchedule" }, { key: "spot", operator: "Exists" }],
    });
    expect(scheduling(blank())).toEqual({});
    expect(problems({ ...blank(), nodes: "ssd", idle: "soon" }, undefined)).toMatchObject({ nodes: expect.any(String), idle: expect.any(String) });
    expect(JSON.stringify(documents({ ...blank(), name: "lab", idle: "30" }, { namespace: "team", labels: {}, editor: false }).notebook)).toContain('"pinnace.dev/cull-idle-time":"30"');
  });

  it("knows who else uses a volume before it goes", () => {
    const pod = (name: string, claim: string, labels = {}) => ({ metadata: { name, labels }, spec: { volumes: [{ persistentVolumeClaim: { claimName: claim } }] } });
    expect(users([pod("train", "data"), pod("lab-0", "data", { "notebook-name": "lab" }), pod("other", "else")], "data", "lab")).toEqual(["train"]);
  });

  it("is told what is free when it asks for more than there is", () => {
    const greedy = { ...blank(), name: "lab", memory: "64Gi", gpus: "2" };
    expect(problems(greedy, box)).toMatchObject({ memory: "this machine has 4 GiB, 4 GiB free", gpus: "1 of 2 nvidia.com/gpu are free" });
    expect(problems({ ...greedy, vendor: "amd.com/gpu" }, box).gpus).toBe("this machine has no amd.com/gpu");
    expect(sound(problems({ ...blank(), name: "lab" }, box))).toBe(true);
  });
  it("needs a name and amounts that can be read", () => {
    expect(problems({ ...blank(), name: "My lab", cpu: "two" }, undefined)).toMatchObject({ name: expect.stringContaining("lower case"), cpu: expect.stringContaining("'two'") });
    expect(workspaceName(blank())).toBe("{name}-workspace");
  });
  it("tells its state in upstream's phases", () => {
    const lab: NotebookObject = { metadata: META, spec: { template: { spec: { containers: [{ name: "w", image: "a/codeserver-python:1" }] } } } };
    expect(state({ ...lab, status: { readyReplicas: 1 } }).phase).toBe("Ready");
    expect(state({ ...lab, status: { containerState: { waiting: { reason: "PodInitializing" } } } }).phase).toBe("Waiting");
    const refused = { type: "PodScheduled", status: "False", message: "0 of 0 GPUs are free" };
    expect(state({ ...lab, status: { conditions: [refused] } })).toMatchObject({ phase: "Warning", says: "0 of 0 GPUs are free" });
    expect(typeOf(lab)).toBe("VS Code");
  });
});

describe("logs of several pods", () => {
  const first = "2026-11-22T10:00:00.000001000Z one\n2026-11-22T10:00:02.000000000Z two\n";
  it("are one log by time, and what was read twice is there once", () => {
    const a = read("a", first);
    const again = read("a", `${first.split("\n")[1]}\n2026-11-22T10:00:02.000000000Z three\n`);
    expect(fresh(a, again).map((line) => line.text)).toEqual(["three"]);
    const drifted = read("a", "2026-11-22T10:00:02.400000000Z two\n2026-11-22T10:00:01.900000000Z three");
    expect(fresh(a, drifted)).toEqual([{ at: "2026-11-22T10:00:02.000000000Z", pod: "a", text: "three" }]);
    const b = read("b", "2026-11-22T10:00:01.000000000Z between");
    expect(merged([a, b], 2).map((line) => line.text)).toEqual(["between", "two"]);
  });
  it("are searched by words in either case", () => {
    const lines = read("a", "2026-11-22T10:00:00.000000000Z Loss is 0.4 (mean)");
    expect(holding(lines, "loss 0.4")).toHaveLength(1);
    expect(holding(lines, "loss 0.5")).toEqual([]);
    expect(cut("Loss (mean)", "(mean")).toEqual(["Loss ", "(mean", ")"]);
  });
});

describe("metrics", () => {
  const text = '# TYPE x counter\nx_total{verb="GET",q="a\\"b"} 3\nx_total{verb="PUT"} 4 1700000000\nh_bucket{le="0.1"} 9\nh_bucket{le="+Inf"} 10\n';
  it("are read from Prometheus' text", () => {
    const samples = parse(text);
    expect(samples[0]).toEqual({ name: "x_total", labels: { verb: "GET", q: 'a"b' }, value: 3 });
    expect([sum(samples, "x_total"), sum(samples, "x_total", { verb: "PUT" })]).toEqual([7, 4]);
    expect(quantile(0.5, "h", [], samples)).toBe(0.1);
    expect(quantile(0.5, "h", samples, samples)).toBeUndefined();
  });
  it("grow, are forgotten after a while, and count anew after a restart", () => {
    const early = grown(new Map(), 0, new Map([["a", 1]]));
    expect(grown(early, 20 * 60_000, new Map([["b", 2]])).has("a")).toBe(false);
    expect(perSecond(new Map([["a", 5]]), new Map([["a", 9], ["b", 1]]), 2)).toEqual(new Map([["a", 2]]));
  });
  it("belong to what a pod works for", () => {
    const pod = (name: string, labels: Record<string, string>): Pod => ({ metadata: { ...META, name, labels }, spec: { containers: [] } });
    const found = groups([pod("p1", { "workflows.argoproj.io/workflow": "w" }), pod("p2", { "workflows.argoproj.io/workflow": "w" }), pod("alone", {})], []);
    expect(found).toMatchObject([{ id: "Workflow/w", pods: ["p1", "p2"] }, { id: "Pod/alone" }]);
  });
});

describe("secrets", () => {
  it("keep their letters", () => {
    expect(decoded(encoded("pässwörd\n"))).toBe("pässwörd\n");
    expect(decoded(btoa("\xff\xfe"))).toBeUndefined();
  });
  it("of a registry and of S3 are as their readers want them", () => {
    const login = secretDocument({ kind: "registry", name: "r", server: "reg.example", user: "u", password: "p", email: "" }, "team");
    expect(JSON.parse(login.stringData?.[".dockerconfigjson"] ?? "")).toEqual({ auths: { "reg.example": { username: "u", password: "p", auth: btoa("u:p") } } });
    const s3 = secretDocument({ kind: "s3", name: "s", id: "i", key: "k", endpoint: "http://store:9000", region: "", https: false, account: true }, "team");
    expect(s3.metadata.annotations).toEqual({ "serving.kserve.io/s3-endpoint": "store:9000", "serving.kserve.io/s3-usehttps": "0" });
  });
  it("are changed where they were changed", () => {
    expect(changed({ a: "1", b: "2" }, { a: "1", c: "3" })).toEqual({ b: null, c: "3" });
    expect(keyProblem("a b", [])).toBeDefined();
    expect(keyProblem("a", [{ key: "a", value: "" }, { key: "a", value: "" }])).toContain("twice");
  });
});

describe("the rest", () => {
  it("volumes: each part of a path is encoded by itself", () => {
    expect(fileUrl("team", "data", "a b/c#d")).toBe("/pinnace/v1/namespaces/team/volumes/data/files/a%20b/c%23d");
    expect(trail("a/b")).toEqual([{ name: "a", path: "a" }, { name: "b", path: "a/b" }]);
  });
  it("TensorBoard: a folder of a volume, there and back", () => {
    const path = logspath({ name: "", source: "volume", claim: "data", folder: "/logs//1/", address: "" });
    expect(path).toBe("pvc://data/logs/1");
    expect(onVolume(path)).toEqual({ claim: "data", folder: "logs/1" });
    expect(onVolume("s3://b/k")).toBeUndefined();
  });
  it("namespaces: what they hold, how full they are, which names fit", () => {
    expect(words([1, 0, 2, 0, 0])).toBe("1 workflow, 2 notebooks");
    expect(limits([{ metadata: META, status: { hard: { "requests.cpu": "2" }, used: { "requests.cpu": "500m" } } }])).toEqual([{ name: "requests.cpu", used: "500m", hard: "2", share: 0.25 }]);
    expect([unfit("ok-1", []), unfit("No", []) === undefined, unfit("a", ["a"])]).toEqual([undefined, false, "there is one of this name"]);
  });
});
