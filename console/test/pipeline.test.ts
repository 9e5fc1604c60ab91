// @vitest-environment node
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import type { NodeStatus } from "../src/api/types";
import { move } from "../src/composer/document/layout";
import { type Hand, change } from "../src/composer/document/pipeline/change";
import { check } from "../src/composer/document/pipeline/check";
import { copied, pasted } from "../src/composer/document/pipeline/clipboard";
import { add, constant, nodeHere, order, remove, rename, setCaching, setInput, setRetries } from "../src/composer/document/pipeline/edit";
import { connect } from "../src/composer/document/pipeline/lines";
import { inside, materialOf } from "../src/composer/document/pipeline/palette";
import { read } from "../src/composer/document/pipeline/read";
import { addBranch, wrapCondition, wrapExit, wrapLoop, wrapPipeline } from "../src/composer/document/pipeline/wrap";
import type { Component } from "../src/composer/model";
import { RUNNING, bodyOf } from "../src/composer/pipelines/running";
import { statuses } from "../src/composer/pipelines/states";
import made from "./pipelines.json";
import { ROOT, type Obj, kindOf, tasksOf, componentName } from "../src/composer/document/pipeline/ir";
import { lowered, programOf } from "../src/composer/document/pipeline/lower";
import { numbered } from "../src/composer/document/pipeline/numbering";
import { type Channel, type Task, owner } from "../src/composer/document/pipeline/program";
import { type Source, edited, parse, plain } from "../src/composer/document/yaml";

/** Real pipelines, compiled by upstream's SDK. */
const CORPUS = resolve(__dirname, "../../../shared/corpus/kfp");
const compiled = existsSync(CORPUS)
  ? readdirSync(CORPUS).filter((name) => name.endsWith(".yaml")).map((name): [string, Obj] => [name, plain(parse(readFileSync(join(CORPUS, name), "utf8")).documents[0] as never)])
  : [];
if (compiled.length === 0) console.warn(`${CORPUS} is not there: compiled pipelines are not read`);

/** Every pipeline of a document: itself, and those nested in it. */
function pipelines(document: Obj): string[] {
  const nested = [...tasksOf((document.root ?? {}) as Obj), ...Object.values((document.components ?? {}) as Obj).flatMap((each) => tasksOf(each as Obj))];
  return [ROOT, ...new Set(nested.filter(([, task]) => kindOf(document, task) === "pipeline").map(([, task]) => componentName(task)))];
}

describe.skipIf(compiled.length === 0)("what upstream's compiler made", () => {
  test.each(compiled.filter(([, document]) => document.root))("%s is read and written again to the letter", (_, document) => {
    for (const scope of pipelines(document)) {
      expect(owner(document, scope)).toBe(scope);
      expect(lowered(programOf(document, scope))).toEqual(document);
    }
  });

  test.each(compiled.filter(([, document]) => document.root))("%s has the numbers that Python would give", (_, document) => {
    for (const scope of pipelines(document)) {
      const wrong = [...numbered(programOf(document, scope))].filter(([key, name]) => !key.includes(" ") && key !== name);
      expect(wrong).toEqual([]);
    }
  });
});

// ---- edits -----------------------------------------------------------------------------------------

/** What upstream's compiler (kfp 2.14) made of programs that say what is drawn below; executors are shortened. */
const { library, compiled: expected } = made as unknown as { library: Obj; compiled: Record<string, Obj> };
const EMPTY = "components: {}\ndeploymentSpec:\n  executors: {}\npipelineInfo:\n  name: drawn\nroot:\n  dag:\n    tasks: {}\nschemaVersion: 2.1.0\n";

class Desk {
  constructor(public text = EMPTY) {}

  do<T>(scope: string, edit: (hand: Hand) => T): T {
    const found: T[] = [];
    this.text = edited(this.text, 0, (document) => void found.push(change(document, scope, edit)));
    return found[0] as T;
  }

  add(name: string, scope = "root"): string {
    const component = inside({ document: library, platforms: {} }, "", "").find((each) => each.title === name);
    return this.do(scope, (hand) => add(hand, materialOf(component as Component)));
  }

  join(from: string, to: string, scope = "root"): void {
    const end = (text: string) => ({ node: text.split(" ")[0] ?? "", port: text.split(" ").slice(1).join(" ") });
    this.do(scope, (hand) => connect(hand, end(from), end(to)));
  }

  get document(): Obj {
    return plain(parse(this.text).documents[0] as Source);
  }
}

const value = (task: string, name: string): Channel => ({ kind: "output", task, name });

const drawings = {
  chain: () => {
    const desk = new Desk();
    for (const name of ["make", "double", "double", "add"]) desk.add(name);
    desk.join(":inputs ", "make count");
    desk.join("make Output", "double num");
    desk.join("double Output", "double-2 num");
    desk.join("double-2 Output", ":outputs ");
    desk.do("root", (hand) => remove(hand, ["add"]));
    return desk;
  },
  loop: () => {
    const desk = new Desk();
    for (const name of ["double", "add"]) desk.add(name);
    desk.do("root", (hand) => wrapLoop(hand, ["double"]));
    desk.join(":inputs pipelinechannel--loop-item-param-1", "double num", "comp-for-loop-2");
    desk.join("for-loop-2 pipelinechannel--double-Output", "add nums");
    desk.join("add Output", ":outputs ");
    return desk;
  },
  choice: () => {
    const desk = new Desk();
    for (const name of ["flip", "say", "say", "say"]) desk.add(name);
    for (const [task, text] of [["say", "heads"], ["say-2", "tails"]] as const)
      desk.do("root", (hand) => setInput(hand, nodeHere(hand, task) as Task, "text", "parameters", constant(text)));
    const heads = { left: { channel: value("flip", "Output") }, operator: "==", right: { value: "heads" }, not: false } as const;
    desk.do("root", (hand) => wrapCondition(hand, ["say"], heads));
    desk.do("root", (hand) => addBranch(hand, "condition-1"));
    const copy = copied(parse(desk.text).documents[0] as Source, "root", ["say-2"]);
    desk.do("root", (hand) => remove(hand, ["say-2"]));
    desk.text = edited(desk.text, 0, (document) => void pasted(document, "comp-condition-3", copy, { x: 0, y: 0 }));
    const left = Object.keys((desk.document.root as { dag: { tasks: Obj } }).dag.tasks).find((each) => each.startsWith("say")) ?? "";
    desk.join("condition-branches-1 :choice Output", `${left} text`);
    return desk;
  },
  exit: () => {
    const desk = new Desk();
    for (const name of ["say", "say"]) desk.add(name);
    desk.join(":inputs ", "say text");
    desk.do("root", (hand) => wrapExit(hand, ["say"], "say-2"));
    desk.join(":inputs text", "say text");
    return desk;
  },
  nested: (): Desk => {
    const desk = drawn("chain");
    desk.do("root", (hand) => wrapPipeline(hand, ["double", "double-2"]));
    return desk;
  },
  inner: () => {
    const desk = new Desk();
    for (const name of ["make-list", "double", "double"]) desk.add(name);
    desk.do("root", (hand) => wrapLoop(hand, ["double", "double-2"]));
    desk.join("make-list Output", "for-loop-2 :items");
    desk.join(":inputs pipelinechannel--make-list-Output-loop-item", "double num", "comp-for-loop-1");
    desk.join("double Output", "double-2 num", "comp-for-loop-1");
    const many = { left: { channel: value("double", "Output") }, operator: ">", right: { value: 2 }, not: false } as const;
    desk.do("comp-for-loop-1", (hand) => wrapCondition(hand, ["double-2"], many));
    return desk;
  },
  artifacts: () => {
    const desk = new Desk();
    for (const name of ["dataset", "train", "dataset"]) desk.add(name);
    desk.join("dataset data", "train data");
    desk.do("root", (hand) => order(hand, "dataset-2", "train"));
    desk.do("root", (hand) => {
      setRetries(nodeHere(hand, "train"), 3);
      rename(nodeHere(hand, "train"), "Train it");
      setCaching(nodeHere(hand, "dataset"), false);
    });
    return desk;
  },
} satisfies Record<string, () => Desk>;

function drawn(name: keyof typeof drawings): Desk {
  return drawings[name]();
}

describe("what is drawn is what upstream's compiler makes", () => {
  test.each(Object.keys(drawings) as (keyof typeof drawings)[])("%s", { timeout: 30_000 }, (name) => {
    const { document } = drawn(name);
    expect(check(document)).toEqual([]);
    expect(document).toEqual(expected[name]);
  });
});

describe("what a drawing refuses", () => {
  test("another type, a circle, what may not have run", { timeout: 30_000 }, () => {
    const desk = new Desk();
    for (const name of ["make", "double", "say"]) desk.add(name);
    desk.join("make Output", "double num");
    expect(() => desk.join("make Output", "say text")).toThrow("integer does not fit: text is needed");
    expect(() => desk.do("root", (hand) => order(hand, "double", "make"))).toThrow("this would be a circle");
    expect(() => desk.do("root", (hand) => wrapCondition(hand, ["make"]))).toThrow("make is in condition-1: it may not have run");
  });

  test("what lies between chosen steps stays out of nothing", { timeout: 30_000 }, () => {
    const desk = drawn("chain");
    expect(() => desk.do("root", (hand) => wrapLoop(hand, ["make", "double-2"]))).toThrow("double lies between them");
  });
});

describe("a text", () => {
  test("that says what cannot be is drawn all the same, and what is wrong is told", () => {
    const broken = structuredClone(expected.chain) as { root: { dag: { tasks: Record<string, Obj> } } };
    broken.root.dag.tasks.double = { ...broken.root.dag.tasks.double, inputs: { parameters: { num: { taskOutputParameter: { producerTask: "double", outputParameterKey: "Output" } } } } };
    expect(read(broken, "root").nodes.map((each) => each.id)).toContain("double-2");
    expect(check(broken).map((each) => each.message)).toEqual(["double cannot be given what it makes itself"]);
  });

  test("keeps its comments, its platforms and its places", { timeout: 30_000 }, () => {
    const before = `# PIPELINE DEFINITION\n# Name: drawn\n# mine\n${drawn("loop").text}---\nplatforms:\n  kubernetes:\n    deploymentSpec:\n      executors:\n        exec-add: {imagePullPolicy: Always}  # as it was\n`;
    const moved = edited(before, 0, (document) => move(document, "root", new Map([["add", { x: 10, y: 20 }]])));
    expect(moved).toBe(before.replace("# mine\n", '# mine\n# pinnace.dev/layout: {"root":{"add":[10,20]}}\n'));
    const after = edited(moved, 0, (document) => void change(document, "root", (hand) => connect(hand, { node: ":inputs", port: "" }, { node: "for-loop-2", port: ":items" })));
    expect(after).toContain("# Inputs:\n#    items: list\n");
    expect(after).toContain("exec-add: {imagePullPolicy: Always}  # as it was");
    const gone = edited(after, 0, (document) => void change(document, "root", (hand) => remove(hand, ["add"])));
    expect(gone).not.toContain("platforms");
    expect(gone).not.toContain("exec-add");
  });
});

describe("a run", () => {
  test("is asked for what has no default, typed as the input is", () => {
    const { document } = drawn("exit");
    const body = bodyOf(document, {}, { trail: ["root"], reuse: true, parameters: { text: "7" } }, new Date(0));
    expect(RUNNING.missing(document)).toEqual(["text"]);
    expect(body).toMatchObject({ display_name: "drawn 1970-01-01 00:00:00", runtime_config: { parameters: { text: "7" } } });
  });

  test("up to a task leaves out what comes after it", () => {
    const { document } = drawn("chain");
    const { pipeline_spec: part } = bodyOf(document, {}, { trail: ["root"], to: "double", reuse: true, parameters: {} }, new Date(0)) as { pipeline_spec: Obj };
    expect(Object.keys((part.root as { dag: { tasks: Obj } }).dag.tasks)).toEqual(["double", "make"]);
    expect(Object.keys(part.components as Obj)).toEqual(["comp-double", "comp-make"]);
  });

  test("is seen inside a loop by the turn that needs looking after", () => {
    const node = (id: string, displayName: string, boundaryID: string, phase: string) => [id, { id, displayName, boundaryID, phase, type: "DAG" }] as const;
    const nodes = new Map([
      node("w", "w", "", "Running"),
      node("l", "for-loop-2", "w", "Running"), node("t0", 'iteration(0:"a")', "l", "Succeeded"), node("t1", 'iteration(1:"b")', "l", "Running"),
      node("a", "double", "t0", "Succeeded"), node("b", "double", "t1", "Running"),
    ]) as unknown as Map<string, NodeStatus>;
    const { document } = drawn("loop");
    expect(statuses(nodes, "w", ["root"], document).get("for-loop-2")?.phase).toBe("Running");
    expect(statuses(nodes, "w", ["root", "comp-for-loop-2"], document).get("double")?.phase).toBe("Running");
  });
});
