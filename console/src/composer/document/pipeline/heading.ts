/** The comment that upstream's compiler puts above a pipeline: its name, description, inputs and outputs. Kept true where it is there; what else is said in comments stays. */

import { obj } from "../../ports/read";
import { same } from "../workflow/same";
import { type Source, headComment, plain, setHeadComment } from "../yaml";
import { type Obj, definitions } from "./ir";

const BEGIN = " PIPELINE DEFINITION";
const TYPES: Record<string, string> = {
  STRING: "str", NUMBER_INTEGER: "int", NUMBER_DOUBLE: "float", BOOLEAN: "bool", LIST: "list", STRUCT: "dict", TASK_FINAL_STATUS: "PipelineTaskFinalStatus", TASK_CONFIG: "TaskConfig",
};

export function heading(document: Source, before: Obj, after: Obj): void {
  const [old, now] = [told(before), told(after)];
  if (same(old, now)) return;
  const found = headComment(document);
  if (!found.startsWith(BEGIN)) return;
  const lines = found.split("\n");
  const described = lines.filter((line, i) => line.startsWith(" Description: ") || (line.startsWith("              ") && i > 0));
  const ours = new Set([...old, ...now, ...described]);
  const rest = lines.filter((line) => !ours.has(line) && !/^ {4}\S+: |^ (Name|Inputs|Outputs):|^ PIPELINE DEFINITION$/.test(line));
  setHeadComment(document, [...now.slice(0, 2), ...described, ...now.slice(2), ...rest].join("\n"));
}

const DESCRIPTION = " Description: ";
const MORE = "              ";

/** The pipeline's description: upstream keeps it in this comment. */
export function describedAs(document: Source): string {
  const lines = headComment(document).split("\n");
  const at = lines.findIndex((line) => line.startsWith(DESCRIPTION));
  if (at < 0) return "";
  const found = [lines[at]?.slice(DESCRIPTION.length) ?? ""];
  for (const line of lines.slice(at + 1)) {
    if (!line.startsWith(MORE)) break;
    found.push(line.slice(MORE.length));
  }
  return found.join("\n");
}

/** Writes the whole comment anew, with this description; what else is said in it stays. */
export function describe(document: Source, text: string): void {
  const now = told(plain(document));
  const rest = headComment(document)
    .split("\n")
    .filter((line) => line && !line.startsWith(DESCRIPTION) && !line.startsWith(MORE) && !/^ {4}\S+: |^ (Name|Inputs|Outputs):|^ PIPELINE DEFINITION$/.test(line));
  const [first = "", ...more] = text.trim().split("\n");
  const described = first ? [DESCRIPTION + first, ...more.map((line) => MORE + line)] : [];
  setHeadComment(document, [...now.slice(0, 2), ...described, ...now.slice(2), ...rest].join("\n"));
}

function told(document: Obj): string[] {
  const root = obj(document.root);
  return [BEGIN, ` Name: ${String(obj(document.pipelineInfo).name ?? "")}`, ...side("Inputs", root.inputDefinitions), ...side("Outputs", root.outputDefinitions)];
}

export function side(title: string, of: unknown): string[] {
  const all = [...definitions(of)].sort(([a], [b]) => (a < b ? -1 : 1));
  if (all.length === 0) return [];
  return [` ${title}:`, ...all.map(([name, { side, raw }]) => `    ${name}: ${side === "artifacts" ? String(obj(raw.artifactType).schemaTitle) : parameter(raw)}`)];
}

function parameter({ parameterType, defaultValue }: Obj): string {
  const type = TYPES[String(parameterType)] ?? "str";
  return defaultValue === undefined ? type : `${type} [Default: ${python(defaultValue, true)}]`;
}

/** As Python prints it; a number of protobuf is a float. */
function python(value: unknown, outermost = false): string {
  if (typeof value === "string") return outermost || !value.includes("'") ? `'${value}'` : JSON.stringify(value);
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "number") return Number.isInteger(value) ? `${value}.0` : String(value);
  if (Array.isArray(value)) return `[${value.map((each) => python(each)).join(", ")}]`;
  if (value && typeof value === "object") return `{${Object.entries(value).map(([key, each]) => `'${key}': ${python(each)}`).join(", ")}}`;
  return "None";
}
