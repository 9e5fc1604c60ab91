/**
 * The IR of Kubeflow Pipelines, drawn: tasks are nodes, loops, conditions and exit handlers are nodes that can be
 * opened. It is compiled from Python and read here; that is also where it is changed.
 */

import { type Badge, type End, type Graph, type GraphEdge, type GraphNode, type Port, type PortKind, edgeId } from "../../model";
import { obj } from "../../ports/read";
import type { Language } from "../language";
import { notes, places } from "../layout";
import { Refused } from "../workflow/parts";

type Obj = Record<string, unknown>;

const ROOT = "root";

function dagOf(document: Obj, scope: string): { tasks: Record<string, Obj>; path: (string | number)[] } {
  const [holder, base] = scope === ROOT ? [obj(document.root), [ROOT]] : [obj(obj(document.components)[scope]), ["components", scope]];
  return { tasks: obj(obj(holder.dag).tasks) as Record<string, Obj>, path: [...base, "dag", "tasks"] };
}

function componentOf(document: Obj, task: Obj): { name: string; raw: Obj } {
  const name = String(obj(task.componentRef).name ?? "");
  return { name, raw: obj(obj(document.components)[name]) };
}

/** The words for a type of the IR that the table of ports has, too. */
const TYPES: Record<string, string> = { STRING: "text", NUMBER_INTEGER: "integer", NUMBER_DOUBLE: "number", BOOLEAN: "boolean", LIST: "json/list", STRUCT: "json" };

function portsOf(side: unknown): Port[] {
  const artifacts = Object.entries(obj(obj(side).artifacts)).map(([name, said]) => port(name, "artifact", String(obj(obj(said).artifactType).schemaTitle ?? "any"), obj(said)));
  const parameters = Object.entries(obj(obj(side).parameters)).map(([name, said]) => port(name, "parameter", TYPES[String(obj(said).parameterType)] ?? "text", obj(said)));
  return [...artifacts, ...parameters];
}

function port(name: string, kind: PortKind, type: string, said: Obj): Port {
  const found: Port = { name, kind, types: [type] };
  if (said.description) found.description = String(said.description);
  if (said.defaultValue !== undefined) found.default = typeof said.defaultValue === "string" ? said.defaultValue : JSON.stringify(said.defaultValue);
  return found;
}

function read(document: Obj, scope: string): Graph {
  const { tasks, path } = dagOf(document, scope);
  const all = Object.entries(tasks);
  return {
    nodes: all.map(([id, task]) => drawn(document, id, task, [...path, id])),
    edges: all.flatMap(([id, task]) => incoming(id, task, new Set(Object.keys(tasks)))),
    notes: notes(document, scope),
    places: places(document, scope),
  };
}

function drawn(document: Obj, id: string, task: Obj, path: (string | number)[]): GraphNode {
  const { name, raw } = componentOf(document, task);
  const inner = raw.dag !== undefined;
  const title = String(obj(task.taskInfo).name ?? id);
  return {
    id,
    title,
    detail: kindOf(document, task, inner, title),
    icon: inner ? "workflow" : raw.executorLabel && importer(document, raw) ? "file-cog" : "file-code",
    group: "",
    ports: { inputs: portsOf(raw.inputDefinitions), outputs: portsOf(raw.outputDefinitions) },
    badges: badges(task),
    path,
    ...(inner ? { opens: name } : {}),
  };
}

function importer(document: Obj, component: Obj): boolean {
  const executor = obj(obj(obj(document.deploymentSpec).executors)[String(component.executorLabel)]);
  return executor.importer !== undefined;
}

function kindOf(document: Obj, task: Obj, inner: boolean, title: string): string {
  if (task.parameterIterator || task.artifactIterator) return "loop";
  if (obj(task.triggerPolicy).condition) return "condition";
  if (inner && title.startsWith("exit-handler")) return "exit handler";
  if (inner) return "pipeline";
  return importer(document, componentOf(document, task).raw) ? "importer" : "component";
}

function badges(task: Obj): Badge[] {
  const policy = obj(task.triggerPolicy);
  const found: Badge[] = [];
  if (task.parameterIterator || task.artifactIterator) found.push({ icon: "loop", text: "for each item" });
  if (policy.condition) found.push({ icon: "when", text: `only when ${String(policy.condition)}` });
  if (policy.strategy === "ALL_UPSTREAM_TASKS_COMPLETED") found.push({ icon: "anyway", text: "whatever becomes of the others" });
  const retries = obj(task.retryPolicy).maxRetryCount;
  if (retries) found.push({ icon: "retry", text: `tried again ${String(retries)} times` });
  return found;
}

function incoming(id: string, task: Obj, names: ReadonlySet<string>): GraphEdge[] {
  const inputs = obj(task.inputs);
  const data = [...Object.entries(obj(inputs.artifacts)), ...Object.entries(obj(inputs.parameters))].flatMap(([name, said]) =>
    produced(said).filter((from) => names.has(from.node)).map((from) => edge(from, { node: id, port: name }, "data")),
  );
  const fed = new Set(data.map((each) => each.from.node));
  const waits = (Array.isArray(task.dependentTasks) ? task.dependentTasks : []).map(String).filter((name) => names.has(name) && !fed.has(name));
  return [...data, ...waits.map((name) => edge({ node: name, port: "" }, { node: id, port: "" }, "order"))];
}

/** Where an input comes from, however deep it is said. */
function produced(said: unknown): End[] {
  const found = obj(said);
  const artifact = obj(found.taskOutputArtifact);
  if (artifact.producerTask) return [{ node: String(artifact.producerTask), port: String(artifact.outputArtifactKey ?? "") }];
  const parameter = obj(found.taskOutputParameter);
  if (parameter.producerTask) return [{ node: String(parameter.producerTask), port: String(parameter.outputParameterKey ?? "") }];
  return [];
}

function edge(from: End, to: End, kind: GraphEdge["kind"]): GraphEdge {
  return { id: edgeId(from, to), from, to, kind, ...(kind === "data" ? { type: "any" } : {}) };
}

/** What is given to a task, in words. */
export function givenTo(document: Obj, scope: string, id: string): [string, string][] {
  const inputs = obj(dagOf(document, scope).tasks[id]?.inputs);
  return [...Object.entries(obj(inputs.parameters)), ...Object.entries(obj(inputs.artifacts))].map(([name, said]) => [name, told(obj(said))]);
}

function told(said: Obj): string {
  const [from] = produced(said);
  if (from) return `${from.port} of ${from.node}`;
  const outer = said.componentInputParameter ?? said.componentInputArtifact;
  if (outer) return `${String(outer)} of the pipeline`;
  const constant = obj(said.runtimeValue).constant;
  return constant === undefined ? JSON.stringify(said) : typeof constant === "string" ? constant : JSON.stringify(constant);
}

function refuse(): never {
  throw new Refused("A pipeline's IR is compiled: export it as Python, change that, and open what it compiles to");
}

export const language: Language = {
  form: "pipeline",
  kinds: [],
  entry: () => ROOT,
  scopes: (document) => [
    { name: ROOT, title: "pipeline" },
    ...Object.entries(obj(document.components)).filter(([, raw]) => obj(raw).dag !== undefined).map(([name]) => ({ name, title: name })),
  ],
  read,
  told: (document) => ({ kind: "Pipeline (IR)", name: String(obj(document.pipelineInfo).name ?? "") }),
  palette: () => [],
  value: () => () => "",
  add: refuse,
  connect: refuse,
  disconnect: refuse,
  remove: refuse,
  rename: refuse,
  copied: refuse,
  pasted: refuse,
  kept: null,
  // It is compiled, not written: there is nothing to mend in it here.
  judged: false,
  exports: [{ what: "python", label: "Export as Python (KFP)" }],
};
