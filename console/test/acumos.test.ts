import { describe, expect, test } from "vitest";
import { front } from "../src/composer/acumos/deployment";
import { type Translated, addressesOf, deployable, drawings, entries, isAcumos, reasons } from "../src/composer/acumos/translation";

const MADE: Translated = {
  format: "blueprint", name: "x", findings: [], refused: { graph: "not a tree" }, containers: [], cdump: {}, dockerinfo: null, graph: null, services: [],
  blueprint: { input_ports: [{ container_name: "a", operation_signature: { operation_name: "go" } }] },
  workflow: { kind: "Workflow" }, orchestrator: [{ kind: "ConfigMap" }, { kind: "InferenceService", metadata: { name: "x" } }],
};

describe("a composition of Acumos", () => {
  test("is known by its nodes, wrapped, in camel case, and behind a licence", () => {
    expect(isAcumos('{"name": "x", "nodes": [{"container_name": "a"}]}')).toBe(true);
    expect(isAcumos('/*-\n * licence\n */\n{"nodes": {"nodes": [{"containerName": "a"}]}}')).toBe(true);
    expect(isAcumos('{"cname": "x", "nodes": [{"nodeId": "a"}]}')).toBe(true);
    expect(isAcumos('{"kind": "Workflow"}')).toBe(false);
    expect(isAcumos('{"nodes": []}')).toBe(false);
    expect(isAcumos("kind: Workflow")).toBe(false);
  });

  test("becomes the documents that it can become, and says why not the others", () => {
    expect(drawings(MADE)).toBe("kind: Workflow\n");
    expect(reasons(MADE)).toEqual([["As an InferenceGraph", "not a tree"]]);
    expect(() => drawings({ ...MADE, workflow: null })).toThrow("x becomes no drawing: not a tree");
    expect(entries(MADE)).toEqual(["go"]);
  });

  test("is deployed as the orchestrator, or as a graph with its services", () => {
    expect(deployable(MADE).map((each) => each.value)).toEqual(["orchestrator"]);
    expect(front(MADE.orchestrator ?? [])).toEqual({ name: "x", graph: false });
    const both = deployable({ ...MADE, graph: { kind: "InferenceGraph", metadata: { name: "g" } } });
    expect(both.map((each) => each.value)).toEqual(["orchestrator", "graph"]);
    expect(front(both[1]?.documents ?? [])).toEqual({ name: "g", graph: true });
  });

  test("takes the addresses of its own containers from a dockerinfo.json", () => {
    const info = { docker_info_list: [{ container_name: "a", ip_address: "10.0.0.1", port: 80 }, { container_name: "orchestrator", ip_address: "o", port: "1" }] };
    expect(addressesOf(JSON.stringify(info), ["a", "b"])).toEqual({ a: "10.0.0.1:80" });
  });
});
