import { describe, expect, test, vi } from "vitest";

vi.mock("elkjs/lib/elk-api.js", () => ({ default: class {} }));
vi.mock("elkjs/lib/elk-worker.min.js?url", () => ({ default: "" }));

import { clear, next, seat } from "../src/composer/canvas/place";
import { languageOf } from "../src/composer/document/language";
import * as depends from "../src/composer/document/workflow/depends";
import * as edit from "../src/composer/document/workflow/edit";
import { collapse } from "../src/composer/document/workflow/collapse";
import { expand } from "../src/composer/document/workflow/expand";
import { references, rewritten } from "../src/composer/document/workflow/references";
import { edited, parse, pathAt, plain, pointer, range } from "../src/composer/document/yaml";
import { carried } from "../src/composer/document/merge";
import { move, places } from "../src/composer/document/layout";
import { quick } from "../src/composer/findings";
import { candidates, offers, verdict } from "../src/composer/fitting";
import { TYPING, begun, current, recorded, redone, undone } from "../src/composer/history";
import type { PortKind, Ports } from "../src/composer/model";
import { fitTypes, flowing } from "../src/composer/ports/fit";
import { declared, read as readPorts } from "../src/composer/ports/read";
import { MEMOIZE, statuses, workflowOf } from "../src/composer/running";
import { setStep, stepOf } from "../src/composer/document/inference/language";
import type { NodeStatus } from "../src/api/types";
import { EMPTY, drawn, fit, graph, library, make } from "./drawn";
import table from "../../tests/authoring/ports.json";

const cases = table as unknown as {
  fits: { output_kind?: PortKind; output: string; input_kind?: PortKind; input: string[]; verdict: object }[];
  flows: { output: { type: string; like?: string }; wired: Record<string, string>; type: string }[];
  reads: { template: Record<string, unknown>; said: object; ports: Ports }[];
};

describe("ports, by the cases of the server's own tests", () => {
  test.each(cases.fits)("$output into $input", (one) => {
    expect(fitTypes(one.output_kind ?? "artifact", one.output, one.input_kind ?? "artifact", one.input)).toEqual(one.verdict);
  });

  test.each(cases.flows)("what flows is $type", ({ output, wired, type }) => {
    const ports: Ports = { inputs: [], outputs: [{ name: "out", kind: "artifact", types: [output.type], ...(output.like ? { like: output.like } : {}) }] };
    expect(flowing(ports, "out", new Map(Object.entries(wired)))).toBe(type);
  });

  test.each(cases.reads)("a template's ports", ({ template, said, ports }) => {
    const normal = (all: Ports["inputs"]) => all.map((port) => ({ ...port }));
    const found = readPorts(template, said);
    const usual = (all: Ports["inputs"]) => all.map(({ types = ["any"], ...port }) => ({ ...port, types }));
    expect({ inputs: normal(found.inputs), outputs: normal(found.outputs) }).toEqual({ inputs: usual(ports.inputs), outputs: usual(ports.outputs) });
  });
});

describe("drawing a workflow", () => {
  test("a line between ports is an argument and an order", () => {
    const text = drawn();
    expect(text).toContain('- { name: table, from: "{{tasks.make.outputs.artifacts.table}}" }'.replaceAll("{ ", "{").replaceAll(" }", "}"));
    expect(text).toContain("depends: make");
    expect(graph(text).edges.map((each) => each.id)).toEqual(["make.table→split.table", "split.train→fit.train"]);
  });

  test("what flows keeps its narrower type", () => {
    expect(graph(drawn()).edges[1]?.type).toBe("table/numeric");
  });

  test("taking a line away takes argument and order away", () => {
    const [edge] = graph(drawn()).edges;
    const text = edited(drawn(), 0, (doc) => edit.disconnect(doc, "main", edge as never));
    expect(text).not.toContain("tasks.make");
    expect(text).not.toContain("depends: make");
  });

  test("a new name is said everywhere", () => {
    const text = edited(drawn(), 0, (doc) => edit.rename(doc, "main", "split", "halves"));
    expect(text).not.toMatch(/tasks\.split|depends: split/);
    expect(graph(text).edges.map((each) => each.id)).toEqual(["make.table→halves.table", "halves.train→fit.train"]);
  });

  test("a deleted step leaves nothing that speaks of it", () => {
    const text = edited(drawn(), 0, (doc) => edit.remove(doc, "main", ["split"]));
    expect(text).not.toContain("tasks.split");
    expect(graph(text).nodes.map((each) => each.id)).toEqual(["make", "fit"]);
  });

  test("a circle is refused, in words", () => {
    const refused = () => edited(drawn(), 0, (doc) => edit.connect(doc, "main", { node: "fit", port: "model" }, { node: "make", port: "" }, "order"));
    expect(refused).toThrow(/circle/);
    expect(verdict(graph(drawn()), { node: "fit", port: "model" }, { node: "make", port: "" }).reason).toMatch(/circle/);
  });

  test("the second of a name gets a number", () => {
    const text = edited(drawn(), 0, (doc) => edit.add(doc, "main", make));
    expect(graph(text).nodes.map((each) => each.id)).toContain("make-2");
  });

  test("comments, order and the other documents survive", () => {
    const before = `# mine\n${EMPTY.replace("metadata:", "metadata: # names")}---\nkind: Other # theirs\n`;
    const after = edited(before, 0, (doc) => edit.add(doc, "main", make));
    expect(after).toMatch(/^# mine\napiVersion/);
    expect(after).toContain("metadata: # names");
    expect(after).toContain("kind: Other # theirs");
  });

  test("a single step becomes the first task of a drawing", () => {
    const leaf = "kind: Workflow\nspec:\n  entrypoint: say\n  templates:\n    - name: say\n      container: {image: busybox}\n";
    const text = edited(leaf, 0, (doc) => edit.add(doc, edit.drawable(doc, "say"), make));
    expect(text).toContain("entrypoint: main");
    expect(graph(text).nodes.map((each) => each.id)).toEqual(["say", "make"]);
  });

  test("tasks with dependencies go on with dependencies", () => {
    const old = EMPTY.replace("tasks: []", "tasks: [{name: a, template: a}, {name: b, template: a, dependencies: [a]}, {name: c, template: a}]");
    const text = edited(old, 0, (doc) => edit.connect(doc, "main", { node: "b", port: "" }, { node: "c", port: "" }, "order"));
    expect(text).not.toContain("depends:");
    expect(graph(text).edges.map((each) => each.id)).toEqual(["a.→b.", "b.→c."]);
  });
});

describe("steps, one group after the other", () => {
  const STEPS = "kind: Workflow\nspec:\n  entrypoint: main\n  templates:\n    - name: main\n      steps:\n        - - {name: a, template: t}\n          - {name: b, template: t}\n        - - {name: c, template: t}\n    - name: t\n      container: {image: busybox}\n";

  test("groups are an order", () => {
    expect(graph(STEPS).edges.map((each) => each.id)).toEqual(["a.→c.", "b.→c."]);
  });

  test("what uses another stands in a later group", () => {
    const text = edited(STEPS, 0, (doc) => edit.connect(doc, "main", { node: "a", port: "" }, { node: "b", port: "" }, "order"));
    expect(graph(text).edges.map((each) => each.id)).toContain("a.→b.");
  });
});

describe("sub-graphs", () => {
  test("steps go into a template and come out again", () => {
    const inside = edited(drawn(), 0, (doc) => collapse(doc, "main", ["split", "fit"]));
    expect(graph(inside).nodes.map((each) => each.id)).toEqual(["make", "group"]);
    expect(graph(inside).edges.map((each) => each.id)).toEqual(["make.table→group.make-table"]);
    expect(graph(inside, "group").edges.map((each) => each.id)).toEqual(["split.train→fit.train"]);
    const out = edited(inside, 0, (doc) => expand(doc, "main", "group"));
    expect(new Set(graph(out).edges.map((each) => each.id))).toEqual(new Set(graph(drawn()).edges.map((each) => each.id)));
    expect(out).not.toContain("name: group");
  });

  test("what lies between must come along", () => {
    expect(() => edited(drawn(), 0, (doc) => collapse(doc, "main", ["make", "fit"]))).toThrow("split lies between");
  });
});

test("copied steps run anywhere and join the next drawing under free names", () => {
  const source = parse(drawn()).documents[0];
  if (!source) throw new Error("no document");
  const language = languageOf(plain(source));
  const clip = language?.copied(source, "main", ["make", "split"]) ?? "";
  expect(graph(clip, "copied").edges.map((each) => each.id)).toEqual(["make.table→split.table"]);
  let names: string[] = [];
  const text = edited(drawn(), 0, (doc) => {
    names = language?.pasted(doc, "main", clip, { x: 0, y: 0 }) ?? [];
  });
  expect(names).toEqual(["make-2", "split-2"]);
  expect(graph(text).edges.map((each) => each.id)).toContain("make-2.table→split-2.table");
});

describe("what a step waits for", () => {
  test.each(["a", "a && b", "(a || b) && !c.Failed", "a.Succeeded || a.Failed"])("%s is read and written", (text) => {
    const found = depends.parse(text);
    expect(found && depends.print(found)).toBe(text);
  });

  test.each(["a &&", "&& a", "(a", "a b", ""])("%s is no expression", (text) => {
    expect(depends.parse(text)).toBeNull();
  });

  test("a task goes out of it", () => {
    const found = depends.parse("(a || b) && c");
    expect(found && depends.print(depends.without(found, "a") ?? found)).toBe("b && c");
  });
});

test("references are found and renamed in every way of saying them", () => {
  const text = "{{tasks.a.outputs.artifacts.x}} {{=tasks['a'].outputs.parameters['p']}} {{steps.b-c.outputs.result}}";
  expect(references(text).map((each) => `${each.node}.${each.port}`)).toEqual(["a.x", "a.p", "b-c.result"]);
  expect(rewritten(text, new Map([["a", "n"]]))).toContain("tasks['n'].outputs");
});

describe("a change in somebody else's hand", () => {
  test("lines that it does not touch stay to the letter", () => {
    const mine = `${EMPTY.replace("generateName: x-", "generateName:   x-   # my spacing").replace("tasks: []", "tasks: [ ]")}`;
    const after = edited(mine, 0, (doc) => edit.setParameter(doc, "rate", "1"));
    expect(after).toContain("generateName:   x-   # my spacing");
    expect(after).toContain("{name: rate, value: \"1\"}");
  });

  test("where both change the same line, the meaning wins", () => {
    const before = "a:   1\nb: 2\n";
    expect(edited(before, 0, (doc) => doc.set("a", 5))).toBe("a: 5\nb: 2\n");
  });

  test("merges are what both sides say", () => {
    expect(carried("A\nb\nc\nd", "a\nb\nc\nd", "a\nb\nx\nc\nd")).toBe("A\nb\nx\nc\nd");
    expect(carried("a\nb\nc", "a\nb\nc", "a\nc")).toBe("a\nc");
    expect(carried("a\n\nb\nc", "a\nb\nc", "a\nb\nc\nd")).toBe("a\n\nb\nc\nd");
    expect(carried("Z", "a", "b")).toBeNull();
  });
});

describe("history", () => {
  test("typing is one gesture until the hands rest", () => {
    let h = begun("");
    h = recorded(h, "a", TYPING, 1000);
    h = recorded(h, "ab", TYPING, 1300);
    h = recorded(h, "abc", TYPING, 9000);
    expect(h.entries.map((each) => each.text)).toEqual(["", "ab", "abc"]);
    expect(current(undone(h)).text).toBe("ab");
    expect(current(redone(undone(h))).text).toBe("abc");
  });

  test("after an undo a new gesture begins a new way", () => {
    const h = undone(recorded(recorded(begun("0"), "1", "One", 1), "2", "Two", 2));
    expect(recorded(h, "3", "Three", 3).entries.map((each) => each.text)).toEqual(["0", "1", "3"]);
  });
});

describe("places", () => {
  test("the layout is an annotation by scope, and follows names", () => {
    const text = edited(drawn(), 0, (doc) => {
      move(doc, "main", new Map([["make", { x: 1.4, y: 2 }]]));
      edit.rename(doc, "main", "make", "data");
    });
    const [doc] = parse(text).documents;
    expect([...places(doc ? plain(doc) : {}, "main")]).toEqual([["data", { x: 1, y: 2 }]]);
  });

  test("a newcomer sits beside what it follows, where it is free", () => {
    const found = seat(graph(drawn()), new Map([["make", { x: 0, y: 0 }], ["fit", { x: 300, y: 0 }]]));
    expect(found.get("split")?.x).toBe(300);
    expect(found.get("split")?.y).toBeGreaterThan(50);
    expect(clear({ x: 900, y: 0 }, 50, graph(drawn()), found)).toEqual({ x: 900, y: 0 });
  });

  test("arrows go along edges", () => {
    const where = seat(graph(drawn()), new Map([["make", { x: 0, y: 0 }]]));
    expect(next(graph(drawn()), where, "make", "ArrowRight")).toBe("split");
    expect(next(graph(drawn()), where, "split", "ArrowLeft")).toBe("make");
  });
});

describe("what fits", () => {
  test("the best ends of a line come first, and components that would take it", () => {
    const text = edited(drawn(), 0, (doc) => edit.add(doc, "main", fit));
    const start = { node: "make", port: "table", side: "outputs" as const };
    expect(candidates(graph(text), start)[0]?.end).toEqual({ node: "fit-2", port: "train" });
    expect(offers(graph(text), start, library.components).map((each) => each.component.ref?.name)).toEqual(["fit", "split"]);
  });

  test("what is missing is told before the server is asked", () => {
    const text = edited(EMPTY, 0, (doc) => edit.add(doc, "main", fit));
    expect(quick(graph(text), () => "").map((each) => each.message)).toEqual(["fit: train is needed and nothing is given"]);
  });
});

describe("running", () => {
  const document = () => {
    const [doc] = parse(drawn()).documents;
    return doc ? plain(doc) : {};
  };
  const wanted = { trail: ["main"], reuse: true, parameters: {} };

  test("to here: the step and what it needs", () => {
    const made = workflowOf(document(), "ns", { ...wanted, to: "split" }, library) as { spec: { templates: { dag: { tasks: { name: string }[] } }[] }; metadata: { annotations: object } };
    expect(made.spec.templates[0]?.dag.tasks.map((each) => each.name)).toEqual(["make", "split"]);
    expect(made.metadata.annotations).toMatchObject({ [MEMOIZE]: "content" });
  });

  test("from here: a copy that is never taken from before", () => {
    const made = workflowOf(document(), "ns", { ...wanted, again: "split" }, library) as { spec: { templates: { name: string; metadata: { annotations: object } }[] } };
    expect(made.spec.templates.at(-1)).toMatchObject({ name: "split-anew", metadata: { annotations: { [MEMOIZE]: "never" } } });
  });

  test("a loop's state is its worst turn's", () => {
    const node = (id: string, more: Partial<NodeStatus>): [string, NodeStatus] => [id, { id, name: id, displayName: id, type: "Pod", phase: "Succeeded", ...more }];
    const all = new Map([
      node("wf", { type: "DAG" }),
      node("1", { displayName: "each(0:a)", boundaryID: "wf" }),
      node("2", { displayName: "each(1:b)", boundaryID: "wf", phase: "Failed" }),
      node("3", { displayName: "each(2:c)", boundaryID: "wf" }),
      node("4", { displayName: "last", boundaryID: "wf", phase: "Running" }),
    ]);
    const found = statuses(all, "wf", ["main"]);
    expect(found.get("each")?.phase).toBe("Failed");
    expect(found.get("last")?.phase).toBe("Running");
  });
});

describe("an InferenceGraph", () => {
  const TEXT = "kind: InferenceGraph\nspec:\n  nodes:\n    root:\n      routerType: Splitter\n      steps:\n        - {serviceName: a, weight: 80}\n        - {nodeName: next, weight: 20}\n    next:\n      routerType: Sequence\n      steps:\n        - serviceName: b # the second\n";
  const language = languageOf({ kind: "InferenceGraph" });
  const look = (text: string) => {
    const [doc] = parse(text).documents;
    return language?.read(doc ? plain(doc) : {}, "", library) ?? { nodes: [], edges: [] };
  };

  test("routers and services are nodes, steps are edges with their shares", () => {
    expect(look(TEXT).nodes.map((each) => each.id)).toEqual(["root", "next", "service/a", "service/b"]);
    expect(look(TEXT).edges.map((each) => each.label)).toEqual(["80 %", "20 %", "1"]);
  });

  test("a router gets another name, a share another number, comments stay", () => {
    const text = edited(TEXT, 0, (doc) => {
      language?.rename(doc, "", "next", "second");
      const [, edge] = look(TEXT).edges;
      if (edge) setStep(doc, { ...edge, to: { node: "second", port: "request" } }, "weight", 30);
    });
    expect(text).toContain("{nodeName: second, weight: 30}");
    expect(text).toContain("b # the second");
  });

  test("a circle is refused", () => {
    expect(() => edited(TEXT, 0, (doc) => language?.connect(doc, "", { node: "next", port: "steps" }, { node: "root", port: "" }, "artifact"))).toThrow(/circle/);
  });

  test("a line is its step", () => {
    const [doc] = parse(TEXT).documents;
    const [edge] = look(TEXT).edges;
    expect(doc && edge && stepOf(plain(doc), edge)?.raw).toEqual({ serviceName: "a", weight: 80 });
  });
});

describe("text and places in it", () => {
  test("a finding's pointer leads to its characters, and a cursor to its path", () => {
    const text = drawn();
    const [doc] = parse(text).documents;
    if (!doc) throw new Error("no document");
    const path = pointer("/spec/templates/0/dag/tasks/1/name");
    const at = range(doc, path);
    expect(text.slice(at?.from, at?.to)).toBe("split");
    expect(pathAt(doc, (at?.from ?? 0) + 1)).toEqual(path);
  });

  test("a text that is no YAML says where", () => {
    expect(parse("a: [1").trouble?.message).toBeTruthy();
  });
});

test("what an object says of its templates: at its top of the only one, by name of others", () => {
  const object = { metadata: { annotations: { "pinnace.dev/ports": '{"outputs": {"x": {"type": "table"}}, "templates": {"b": {"outputs": {}}}}' } }, spec: { entrypoint: "a", templates: [{ name: "a" }, { name: "b" }] } };
  expect(declared(object, "a").outputs).toBeDefined();
  expect(declared(object, "b")).toEqual({ outputs: {} });
});

describe("what others have drawn", () => {
  const IR = {
    pipelineInfo: { name: "p" },
    root: { dag: { tasks: { make: { componentRef: { name: "comp-make" } }, "for-loop-1": { componentRef: { name: "comp-for-loop-1" }, parameterIterator: { itemInput: "n-loop-item", items: { inputParameter: "n" } }, dependentTasks: ["make"], inputs: { parameters: { n: { taskOutputParameter: { producerTask: "make", outputParameterKey: "Output" } } } } } } } },
    components: {
      "comp-make": { executorLabel: "exec-make", outputDefinitions: { parameters: { Output: { parameterType: "NUMBER_INTEGER" } } } },
      "comp-for-loop-1": { dag: { tasks: { use: { componentRef: { name: "comp-make" } } } }, inputDefinitions: { parameters: { n: { parameterType: "NUMBER_INTEGER" } } } },
    },
    deploymentSpec: {},
  };

  test("a pipeline's IR is a graph whose loops are opened", () => {
    const language = languageOf(IR);
    const found = language?.read(IR, "root", library);
    expect(found?.edges.map((each) => each.id)).toEqual(["make.Output→for-loop-1.:items"]);
    expect(found?.nodes.find((each) => each.id === "for-loop-1")).toMatchObject({ opens: "comp-for-loop-1", detail: "loop" });
    expect(language?.read(IR, "comp-for-loop-1", library).nodes.map((each) => each.id)).toEqual([":inputs", "use"]);
  });
});
