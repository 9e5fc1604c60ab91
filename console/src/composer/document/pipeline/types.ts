/** Types of the IR in the words of the composer's ports, and back. */

import type { Port } from "../../model";
import { obj } from "../../ports/read";
import type { Definition, Obj } from "./ir";

const WORDS: Record<string, string> = {
  STRING: "text", NUMBER_INTEGER: "integer", NUMBER_DOUBLE: "number", BOOLEAN: "boolean", LIST: "json/list", STRUCT: "json", TASK_FINAL_STATUS: "status", TASK_CONFIG: "json",
};

/** What a pipeline's input may be. */
export const PARAMETERS: readonly { value: string; label: string }[] = [
  { value: "STRING", label: "Text" },
  { value: "NUMBER_INTEGER", label: "Whole number" },
  { value: "NUMBER_DOUBLE", label: "Number" },
  { value: "BOOLEAN", label: "Yes or no" },
  { value: "LIST", label: "List" },
  { value: "STRUCT", label: "JSON" },
];

export const LIST = "list/";

export function typeOf({ side, raw }: Definition): string {
  if (side === "parameters") return WORDS[String(raw.parameterType)] ?? "text";
  const title = String(obj(raw.artifactType).schemaTitle ?? "");
  const own = title === "" || title === "system.Artifact" ? "any" : title.replaceAll(".", "/");
  return raw.isArtifactList ? LIST + own : own;
}

export function portOf(name: string, definition: Definition, inward: boolean): Port {
  const { side, raw } = definition;
  const found: Port = { name, kind: side === "artifacts" ? "artifact" : "parameter", types: [typeOf(definition)], strict: true };
  if (raw.description) found.description = String(raw.description);
  if (raw.defaultValue !== undefined) found.default = written(raw.defaultValue);
  if (Array.isArray(raw.literals) && raw.literals.length) found.enum = raw.literals.map(written);
  if (inward && raw.defaultValue === undefined && !raw.isOptional && raw.parameterType !== "TASK_FINAL_STATUS") found.required = true;
  return found;
}

/** A value as people type it. */
export function written(value: unknown): string {
  return value === undefined ? "" : typeof value === "string" ? value : JSON.stringify(value);
}

/** What was typed, as its type wants it; undefined where it does not fit. */
export function typed(text: string, type: string): unknown {
  if (type === "LIST" || type === "STRUCT") return structured(text, type === "LIST");
  if (type === "BOOLEAN") return text === "true" ? true : text === "false" ? false : undefined;
  return type === "NUMBER_INTEGER" || type === "NUMBER_DOUBLE" ? numeric(text.trim(), type === "NUMBER_INTEGER") : text;
}

function numeric(text: string, whole: boolean): number | undefined {
  const found = text === "" ? Number.NaN : Number(text);
  return Number.isFinite(found) && (!whole || Number.isInteger(found)) ? found : undefined;
}

function structured(text: string, list: boolean): unknown {
  const found = json(text);
  return found !== null && typeof found === "object" && Array.isArray(found) === list ? found : undefined;
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function expected(type: string): string {
  const words: Record<string, string> = { NUMBER_INTEGER: "a whole number", NUMBER_DOUBLE: "a number", BOOLEAN: "true or false", LIST: "a list, such as [1, 2]", STRUCT: 'an object, such as {"a": 1}' };
  return words[type] ?? "a text";
}

export function parameterType(raw: Obj): string {
  return String(raw.parameterType ?? "STRING");
}

/** A type in a word, for people. */
export function type(parameterType: string): string {
  return PARAMETERS.find((each) => each.value === parameterType)?.label ?? "Text";
}
