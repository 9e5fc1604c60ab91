/** What can be told of a pipeline without asking: inputs that need something and get nothing, groups with nothing in them, conditions that compare what cannot be compared. */

import type { Finding } from "../../model";
import { obj } from "../../ports/read";
import * as conditions from "./conditions";
import { type Obj, ROOT, componentName, componentOf, definitions, holder, holderPath, kindOf, tasksOf } from "./ir";
import { Impossible, Routing, programOf } from "./lower";
import { type Group, type Program, type Task, chain, everything, isLeaf } from "./program";
import { typeOf } from "./types";
import { fits } from "./lines";

export function check(document: Obj): Finding[] {
  const programs = [ROOT, ...nested(document)];
  return [...named(document), ...programs.flatMap((scope) => checked(document, scope))];
}

function nested(document: Obj): Set<string> {
  const all = [obj(document.root), ...Object.values(obj(document.components)).map(obj)].flatMap(tasksOf);
  return new Set(all.filter(([, task]) => kindOf(document, task) === "pipeline").map(([, task]) => componentName(task)));
}

/** Upstream's rule for the names of pipelines. */
function named(document: Obj): Finding[] {
  const name = String(obj(document.pipelineInfo).name ?? "");
  if (/^[a-z0-9][a-z0-9-]{0,127}$/.test(name)) return [];
  return [error(["pipelineInfo", "name"], name ? `${name}: a pipeline's name is of small letters, digits and -` : "The pipeline needs a name")];
}

function error(path: readonly (string | number)[], message: string): Finding {
  return { path: `/${path.map((part) => String(part).replaceAll("~", "~0").replaceAll("/", "~1")).join("/")}`, message, severity: "error" };
}

function checked(document: Obj, scope: string): Finding[] {
  try {
    const program = programOf(document, scope);
    const routing = new Routing(program);
    return [...everything(program.body)].flatMap((node) => (isLeaf(node) ? task(routing, node) : group(routing, node)));
  } catch (problem) {
    if (problem instanceof Impossible) return [error(holderPath(scope), problem.message)];
    throw problem;
  }
}

function place(program: Program, node: Task | Group): (string | number)[] {
  const around = chain(node).at(-2) as Group | undefined;
  return [...holderPath(around?.component ?? program.body.component), "dag", "tasks", node.key];
}

function task(routing: Routing, node: Task): Finding[] {
  const { program } = routing;
  const at = place(program, node);
  if (!holderExists(program.document, node)) return [error(at, `${node.key}: there is no component ${componentName(node.raw)}`)];
  const wanted = definitions(componentOf(program.document, node.raw).inputDefinitions);
  return [...wanted].flatMap(([name, definition]): Finding[] => {
    const given = node.inputs.get(name)?.value;
    const { defaultValue, isOptional, parameterType } = definition.raw;
    if (!given) return defaultValue === undefined && !isOptional && parameterType !== "TASK_FINAL_STATUS" ? [error(at, `${node.key}: ${name} is needed and nothing is given`)] : [];
    return given.kind === "channel" && given.selector === undefined ? fitting(() => fits(routing, given.channel, node, definition), `${node.key}: ${name}`, at) : [];
  });
}

function fitting(judge: () => void, what: string, at: (string | number)[]): Finding[] {
  try {
    judge();
    return [];
  } catch (problem) {
    return [error(at, `${what}: ${problem instanceof Error ? problem.message : String(problem)}`)];
  }
}

function holderExists(document: Obj, node: Task): boolean {
  return Object.keys(holder(document, componentName(node.raw))).length > 0;
}

function group(routing: Routing, node: Group): Finding[] {
  const at = place(routing.program, node);
  const found: Finding[] = [];
  if (node.children.size === 0) found.push(error(at, `${node.key} is empty: put a step into it`));
  const over = node.loop?.over;
  if (over && "raw" in over && (!over.raw || over.raw === "[]")) found.push(error(at, `${node.key} goes over nothing: say what`));
  for (const channel of node.when ? conditions.channels(node.when) : []) {
    const type = typeOf(routing.definition(channel, node));
    if (type.startsWith("json")) found.push(error(at, `${node.key}: a condition compares texts, numbers and yes or no, and this is ${type === "json" ? "JSON" : "a list"}`));
  }
  return found;
}
