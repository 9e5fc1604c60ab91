/** What the composer needs of a kind of document: one reads it as a graph, the others change it. Each kind is a module below. */

import type { Library } from "../library";
import type { Component, End, Graph, GraphEdge, Place, PortKind } from "../model";
import * as inference from "./inference/language";
import * as pipeline from "./pipeline/language";
import * as workflow from "./workflow/language";
import type { Source } from "./yaml";

export interface Scope {
  name: string;
  title: string;
}

export interface Language {
  kinds: readonly string[];
  /** Which form shows a node. */
  form: "workflow" | "inference" | "pipeline";
  /** Where the drawing begins. */
  entry(document: Record<string, unknown>): string;
  /** Everything that can be drawn in. */
  scopes(document: Record<string, unknown>): Scope[];
  read(document: Record<string, unknown>, scope: string, library: Library): Graph;
  /** What the document itself adds to the palette. */
  own(document: Record<string, unknown>, scope: string): Component[];
  /** Whether the shared components are of use. */
  shared: boolean;
  add(document: Source, scope: string, component: Component, at?: Place): { id: string; scope: string };
  connect(document: Source, scope: string, from: End, to: End, kind: PortKind | "order"): void;
  disconnect(document: Source, scope: string, edge: GraphEdge): void;
  remove(document: Source, scope: string, ids: Iterable<string>): void;
  rename(document: Source, scope: string, id: string, name: string): void;
  /** The nodes as a document of their own, for the clipboard. */
  copied(document: Source, scope: string, ids: Iterable<string>): string;
  /** The nodes of a copied document, or of any other of this kind; returns their names here. */
  pasted(document: Source, scope: string, text: string, at: Place): string[];
}

const LANGUAGES: readonly Language[] = [workflow.language, inference.language];

/** The IR of a pipeline has no kind: it is known by its parts. */
export function languageOf(document: Record<string, unknown>): Language | undefined {
  if (document.kind === undefined && document.root && document.components) return pipeline.language;
  return LANGUAGES.find((each) => each.kinds.includes(String(document.kind)));
}
