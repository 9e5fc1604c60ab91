/** The ports of a template: names and kinds are its own, types stand in the annotation `pinnace.dev/ports`. */

import type { Port, PortKind, Ports } from "../model";
import { ANY } from "./fit";

export const ANNOTATION = "pinnace.dev/ports";

type Obj = Record<string, unknown>;

export interface Said {
  inputs?: Record<string, Obj>;
  outputs?: Record<string, Obj>;
  templates?: Record<string, Said>;
}

/** What an object says of one of its templates; an annotation that cannot be read says nothing. */
export function declared(object: Obj, template: string): Said {
  const notes = obj(obj(object.metadata).annotations);
  const found = parsed(notes[ANNOTATION]);
  const named = found.templates?.[template];
  if (named) return named;
  const spec = obj(object.spec);
  const alone = list(spec.templates).length === 1 || spec.entrypoint === template;
  return alone ? found : {};
}

function parsed(text: unknown): Said {
  if (typeof text !== "string") return {};
  try {
    const found: unknown = JSON.parse(text);
    return found && typeof found === "object" && !Array.isArray(found) ? (found as Said) : {};
  } catch {
    return {};
  }
}

export function read(template: Obj, said: Said): Ports {
  const outputs = side(template.outputs, said.outputs ?? {}, false);
  if ("script" in template) outputs.push(port({ name: "result" }, "parameter", said.outputs?.result ?? {}, false));
  return { inputs: side(template.inputs, said.inputs ?? {}, true), outputs };
}

function side(own: unknown, about: Record<string, Obj>, inward: boolean): Port[] {
  const one = (kind: PortKind) => (each: Obj) => port(each, kind, about[String(each.name)] ?? {}, inward);
  return [...list(obj(own).artifacts).map(one("artifact")), ...list(obj(own).parameters).map(one("parameter"))];
}

function port(own: Obj, kind: PortKind, about: Obj, inward: boolean): Port {
  const given = about.type ?? (kind === "artifact" ? ANY : "text");
  const found: Port = { name: String(own.name), kind, types: Array.isArray(given) ? given.map(String) : [String(given)] };
  const value = own.value ?? own.default;
  const description = about.description ?? own.description;
  if (about.like) found.like = String(about.like);
  if (inward && required(own, kind)) found.required = true;
  if (description) found.description = String(description);
  if (value !== undefined && value !== null) found.default = String(value);
  if (Array.isArray(own.enum) && own.enum.length) found.enum = own.enum.map(String);
  if (typeof about.minimum === "number") found.minimum = about.minimum;
  if (typeof about.maximum === "number") found.maximum = about.maximum;
  return found;
}

const LOCATIONS = ["s3", "http", "raw", "git", "gcs", "oss", "hdfs", "azure", "artifactory", "plugin"];

function required(own: Obj, kind: PortKind): boolean {
  if (kind === "parameter") return (own.value ?? own.default ?? null) === null && !own.valueFrom;
  return !own.optional && !LOCATIONS.some((place) => own[place]);
}

export function obj(value: unknown): Obj {
  return value && typeof value === "object" && !Array.isArray(value) ? (value as Obj) : {};
}

export function list(value: unknown): Obj[] {
  return Array.isArray(value) ? value.map(obj) : [];
}
