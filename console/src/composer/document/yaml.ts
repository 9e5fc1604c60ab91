/**
 * The text of a document, read and written. Comments, order and quotes of what an edit does not touch survive,
 * and the way in which the text is set (indentation, braces) is kept as far as it is even.
 */

import { type Document, type ParsedNode, type Scalar, type ToStringOptions, isCollection, isMap, isNode, isScalar, isSeq, parseAllDocuments } from "yaml";
import type { Path } from "../model";
import { carried } from "./merge";
import { same } from "./workflow/same";

export type Source = Document.Parsed<ParsedNode> | Document;

export interface Trouble {
  message: string;
  from: number;
  to: number;
}

export interface Parsed {
  documents: Source[];
  /** Why the text is no YAML; the documents are then of no use. */
  trouble: Trouble | null;
}

export function parse(text: string): Parsed {
  const found = parseAllDocuments(text, { prettyErrors: true, keepSourceTokens: false });
  const documents = Array.isArray(found) ? (found as Source[]).filter((doc) => doc.contents !== null) : [];
  for (const document of documents) {
    const error = document.errors[0];
    if (error) return { documents, trouble: { message: error.message, from: error.pos[0], to: error.pos[1] } };
  }
  for (const document of documents) texts.set(document, documents);
  return { documents, trouble: null };
}

const texts = new WeakMap<Source, Source[]>();

/** All documents of the text that this one stands in, itself among them: a document more or less here is one in the text. */
export function beside(document: Source): Source[] {
  return texts.get(document) ?? [document];
}

/** `change` is done to the document at `at`; the others stay as they are. */
export function edited(text: string, at: number, change: (document: Source) => void): string {
  const { documents, trouble } = parse(text);
  if (trouble) throw new Error(`The text is no YAML: ${trouble.message}`);
  const document = documents[at];
  if (!document) throw new Error(`There is no document ${at + 1} in this text`);
  const before = print(documents, text);
  change(document);
  const after = print(documents, text);
  const own = carried(text, before, after);
  return own !== null && saysTheSame(own, documents) ? own : after;
}

/** A line-wise merge is believed only when it reads as what was meant. */
function saysTheSame(text: string, documents: Source[]): boolean {
  const found = parse(text);
  return !found.trouble && same(found.documents.map((each) => each.toJS()), documents.map((each) => each.toJS()));
}

export function print(documents: Source[], like = ""): string {
  const options = style(like);
  return documents
    .map((document, i) => {
      const text = document.toString(options);
      return i > 0 && !text.startsWith("---") ? `---\n${text}` : text;
    })
    .join("");
}

function style(text: string): ToStringOptions {
  const nested = /^( +)\S/m.exec(text.replace(/^ *#.*$/gm, ""));
  const indent = nested?.[1] && nested[1].length <= 8 ? nested[1].length : 2;
  const flat = /^( *)[\w./-]+:\s*(?:#.*)?\n\1- /m.test(text);
  return { lineWidth: 0, indent: Math.max(2, indent), indentSeq: text === "" || !flat, flowCollectionPadding: /\{ \S/.test(text) };
}

export function plain(document: Source): Record<string, unknown> {
  const value: unknown = document.toJS({ maxAliasCount: 1000 });
  const found = value && typeof value === "object" && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
  sources.set(found, document);
  return found;
}

const sources = new WeakMap<object, Source>();

/** The document that these plain values were read from: it has comments, they have none. */
export function sourceOf(values: object): Source | undefined {
  return sources.get(values);
}

/** Nodes and drawings that an edit gave other names, by the old ones. */
export interface Renamed {
  nodes: ReadonlyMap<string, string>;
  scopes: ReadonlyMap<string, string>;
}

const renames = new WeakMap<Source, Renamed[]>();

export function renamed(document: Source, names: Renamed): void {
  renames.set(document, [...(renames.get(document) ?? []), names]);
}

/** What edits of this document have renamed, in their order. */
export function renamesOf(document: Source): readonly Renamed[] {
  return renames.get(document) ?? [];
}

// ---- the comment above everything --------------------------------------------------------------

function firstKey(document: Source): Scalar | null {
  const key = isMap(document.contents) ? document.contents.items[0]?.key : undefined;
  return isScalar(key) ? key : null;
}

/** Without its `#`; the parser keeps it with the first key unless an empty line follows. */
export function headComment(document: Source): string {
  return document.commentBefore ?? firstKey(document)?.commentBefore ?? "";
}

export function setHeadComment(document: Source, text: string): void {
  const key = document.commentBefore ? null : firstKey(document);
  if (key) key.commentBefore = text || null;
  else document.commentBefore = text || null;
}

/** The characters of what stands at `path`, or of the nearest thing around it. */
export function range(document: Source, path: Path): { from: number; to: number } | null {
  for (let end = path.length; end >= 0; end--) {
    const found: unknown = end === 0 ? document.contents : document.getIn(path.slice(0, end), true);
    if (isNode(found) && found.range) return { from: found.range[0], to: found.range[1] };
  }
  return null;
}

/** The path at a character: the innermost thing that holds it. */
export function pathAt(document: Source, offset: number): Path {
  const path: (string | number)[] = [];
  let here: unknown = document.contents;
  while (isCollection(here)) {
    const next = inside(here, offset);
    if (!next) return path;
    path.push(next[0]);
    here = next[1];
  }
  return path;
}

function inside(collection: unknown, offset: number): [string | number, unknown] | null {
  if (isSeq(collection)) {
    const at = collection.items.findIndex((item) => holds(item, item, offset));
    return at < 0 ? null : [at, collection.items[at]];
  }
  if (!isMap(collection)) return null;
  const pair = collection.items.find(({ key, value }) => holds(key, value ?? key, offset));
  return pair && isScalar(pair.key) ? [String(pair.key.value), pair.value] : null;
}

function holds(first: unknown, last: unknown, offset: number): boolean {
  const from = isNode(first) ? first.range?.[0] : undefined;
  const to = isNode(last) ? last.range?.[1] : undefined;
  return from !== undefined && to !== undefined && from <= offset && offset <= to;
}

/** A JSON pointer (RFC 6901) as a path: what is a number in a list is one here too. */
export function pointer(text: string): Path {
  if (!text) return [];
  return text
    .replace(/^\//, "")
    .split("/")
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"))
    .map((part) => (/^\d+$/.test(part) ? Number(part) : part));
}

/** Writes `value` at `path` as people would: leaves of lists in braces, the rest a line each. */
export function put(document: Source, path: Path, value: unknown, flow = false): void {
  document.setIn(path, flow ? document.createNode(value, { flow: true }) : document.createNode(value));
}

/** Takes away what stands at `path`, and what around it is empty then, down to `keep` steps from the root. */
export function drop(document: Source, path: Path, keep: number): void {
  document.deleteIn(path);
  for (let end = path.length - 1; end > keep; end--) {
    const around: unknown = document.getIn(path.slice(0, end), true);
    if (!isCollection(around) || around.items.length > 0) return;
    document.deleteIn(path.slice(0, end));
  }
}
