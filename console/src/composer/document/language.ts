/**
 * What the composer needs of a kind of document: one reads it as a graph, the others change it, save it, run it.
 *
 * This is the only place that knows which languages there are. Canvas, palette, keys, clipboard and menus ask a
 * language what it can, never which it is; its forms stand in `forms/forms.ts`.
 */

import type { Library } from "../library";
import type { Component, End, Finding, Graph, GraphEdge, Place, PortKind } from "../model";
import type { Running } from "../running";
import * as inference from "./inference/language";
import * as pipeline from "./pipeline/language";
import * as workflow from "./workflow/language";
import type { Source } from "./yaml";

type Doc = Record<string, unknown>;

export interface Scope {
  name: string;
  title: string;
  /** What it is called where its name is made by a machine. */
  word?: string;
}

export type FormName = "workflow" | "inference" | "pipeline";

/** What others have that a document may use: a language takes of it what it can call. */
export interface Shared {
  library: Library;
  services: readonly Component[];
  /** What pipelines are made of: loaded here, or of stored ones. */
  pipelines: readonly Component[];
}

/** Nodes put into a drawing of their own, and taken out of one again. */
export interface Grouping {
  /** What they are put into, in a word. */
  word: string;
  /** Returns the name of the node that stands for them now. */
  collapse(document: Source, scope: string, ids: readonly string[]): string;
  /** Returns the names of the nodes that have taken its place. */
  expand(document: Source, scope: string, id: string): string[];
  /** Other things that nodes can be put into. */
  ways?: readonly Way[];
}

export interface Way {
  label: string;
  icon: "loop" | "condition" | "exit";
  /** What is asked before it is done: one more node, of this drawing or of the palette. */
  asks?: string;
  /** Returns the name of the node that holds them now. */
  does(document: Source, scope: string, ids: readonly string[], more?: string | Component): string;
}

/** A form in which a document can be taken away; the server translates. */
export interface Export {
  what: "python" | "bundle" | "acumos";
  label: string;
}

export interface Language {
  kinds: readonly string[];
  /** Which forms show its nodes, edges and the whole. */
  form: FormName;
  /** What a document of it is, and what it is called ('' for nothing yet). */
  told(document: Doc): { kind: string; name: string };
  /** Where the drawing begins. */
  entry(document: Doc): string;
  /** Everything that can be drawn in. */
  scopes(document: Doc): Scope[];
  read(document: Doc, scope: string, library: Library): Graph;
  /** What of a document a drawing of this scope may be made of; nothing where nothing can be added. */
  palette(document: Doc, scope: string, shared: Shared): Component[];
  /** The text that is given to an input, '' for none. */
  value(document: Doc, scope: string): (node: string, port: string) => string;
  add(document: Source, scope: string, component: Component, at?: Place): { id: string; scope: string };
  connect(document: Source, scope: string, from: End, to: End, kind: PortKind | "order"): void;
  disconnect(document: Source, scope: string, edge: GraphEdge): void;
  /** A node put into an edge, where two new edges would not say the same (`document/splice.ts`). */
  splice?(document: Source, scope: string, edge: GraphEdge, id: string): void;
  remove(document: Source, scope: string, ids: Iterable<string>): void;
  rename(document: Source, scope: string, id: string, name: string): void;
  /** The nodes as a document of their own, for the clipboard. */
  copied(document: Source, scope: string, ids: Iterable<string>): string;
  /** The nodes of a copied document, or of any other of this kind; returns their names here. */
  pasted(document: Source, scope: string, text: string, at: Place): string[];
  /** Absent: it has no drawings in drawings. */
  grouping?: Grouping;
  /** Absent: it cannot be run from here. */
  running?: Running;
  /** How it is kept: as an object under its own name, or as the template of what it is a run of; as a version of a pipeline; null: not here. */
  kept: "object" | "pipeline" | null;
  /** Whether the server's validation knows it. */
  judged: boolean;
  /** Whether components are brought to its palette from files and texts. */
  loads?: boolean;
  /** What can be told to be wrong without the server. */
  check?(document: Doc): Finding[];
  exports: readonly Export[];
}

const LANGUAGES: readonly Language[] = [workflow.language, inference.language];

/** The IR of a pipeline has no kind: it is known by its parts. */
export function languageOf(document: Doc): Language | undefined {
  if (document.kind === undefined && document.root && (document.components || document.pipelineInfo)) return pipeline.language;
  return LANGUAGES.find((each) => each.kinds.includes(String(document.kind)));
}
