/**
 * Which output fits which input. The tables are the server's (`authoring/ports.json`), and its tests' cases
 * (`tests/authoring/ports.json`) are this module's too: docs/composer.md has the rule in words.
 */

import table from "../../../../src/pinnace/authoring/ports.json";
import type { Port, PortKind, Ports } from "../model";

export const ANY = "any";
export const GROUPS: readonly string[] = table.groups;

export type How = "exact" | "narrower" | "widened" | "unchecked";

export interface Verdict {
  fits: boolean;
  how?: How;
  reason?: string;
}

interface TypeFacts {
  title: string;
  color: string;
  preview?: string;
  description: string;
}

const TYPES = table.types as Record<string, TypeFacts>;
const WIDENS = table.widens as Record<string, string[]>;
const BEST: How[] = ["exact", "narrower", "widened", "unchecked"];

export function fit(output: Port, input: Port): Verdict {
  const type = output.types[0] ?? ANY;
  return input.strict ? strictly(output.kind, type, input) : fitTypes(output.kind, type, input.kind, input.types);
}

/** Only what is the same, or not known on one side; lists of files are lists on both. */
function strictly(kind: PortKind, output: string, input: Port): Verdict {
  const wanted = input.types[0] ?? ANY;
  const own = (type: string) => type.replace(/^list\//, "");
  const lists = output.startsWith("list/") === wanted.startsWith("list/");
  if (kind !== input.kind) return fitTypes(kind, output, input.kind, input.types);
  if (output === wanted) return { fits: true, how: "exact" };
  if (lists && (own(output) === ANY || own(wanted) === ANY)) return { fits: true, how: "unchecked" };
  return { fits: false, reason: said("other", { output: titled(output), input: titled(wanted) }) };
}

export function fitTypes(outputKind: PortKind, output: string, inputKind: PortKind, wanted: readonly string[]): Verdict {
  if (outputKind !== inputKind)
    return { fits: false, reason: said("kind", { output_kind: outputKind, input_kind: inputKind }) };
  const ways = new Set(wanted.map((one) => how(output, one)));
  const best = BEST.find((one) => ways.has(one));
  if (best) return { fits: true, how: best };
  const near = wanted.some((one) => one.startsWith(`${output}/`));
  const input = wanted.map(titled).join(" or ");
  return { fits: false, reason: said(near ? "narrower" : "other", { output: titled(output), input }) };
}

function said(which: keyof typeof table.reasons, words: Record<string, string>): string {
  return table.reasons[which].replace(/\{(\w+)\}/g, (all, name: string) => words[name] ?? all);
}

function how(output: string, wanted: string): How | null {
  if (output === ANY || wanted === ANY) return "unchecked";
  if (output === wanted) return "exact";
  if (output.startsWith(`${wanted}/`)) return "narrower";
  return wider(output).some((one) => how(one, wanted)) ? "widened" : null;
}

function wider(output: string): string[] {
  const parts = output.split("/");
  return parts.flatMap((_, i) => WIDENS[parts.slice(0, parts.length - i).join("/")] ?? []);
}

/** A type in words; one that nobody has described by its own name. */
export function titled(type: string): string {
  if (type.startsWith("list/")) return `List of ${titled(type.slice(5))}`;
  return TYPES[type]?.title ?? type.replace(/^system\//, "");
}

/** The name of a colour; of a type that nobody has described, the one of its beginning. */
export function colour(type: string): string {
  const parts = type.split("/");
  for (let end = parts.length; end > 0; end--) {
    const known = TYPES[parts.slice(0, end).join("/")];
    if (known) return known.color;
  }
  return "slate";
}

export function about(type: string): string {
  return TYPES[type]?.description ?? "";
}

/** The type of an output when these types come into the inputs. */
export function flowing(ports: Ports, output: string, wired: ReadonlyMap<string, string>): string {
  const port = ports.outputs.find((one) => one.name === output);
  if (!port) return ANY;
  const declared = port.types[0] ?? ANY;
  const arriving = port.like ? wired.get(port.like) : undefined;
  if (!arriving) return declared;
  const way = how(arriving, declared);
  const narrower = arriving !== ANY && (way === "exact" || way === "narrower");
  return narrower || declared === ANY ? arriving : declared;
}
