/** What an artifact is, told from its name and its first bytes, and made ready to be looked at. Pure. */

export interface Table {
  kind: "table";
  columns: string[];
  rows: string[][];
  /** How many there are, if more than are shown. */
  of: number;
}

export interface Matrix {
  kind: "matrix";
  labels: string[];
  /** `cells[actual][predicted]`. */
  cells: number[][];
}

export type Preview =
  | Table
  | Matrix
  | { kind: "metrics"; values: [string, number][] }
  | { kind: "json" | "text" | "html"; text: string }
  | { kind: "image"; type: string }
  | { kind: "none"; why: string };

const IMAGES: Record<string, string> = { png: "image/png", jpg: "image/jpeg", jpeg: "image/jpeg", gif: "image/gif", webp: "image/webp", bmp: "image/bmp" };
const ROWS = 200;
export const MOST = 2 << 20;

export function ending(name: string): string {
  return /\.([a-z0-9]+)$/i.exec(name)?.[1]?.toLowerCase() ?? "";
}

export function imageType(name: string, head: Uint8Array): string | undefined {
  if (head[0] === 0x89 && head[1] === 0x50) return "image/png";
  if (head[0] === 0xff && head[1] === 0xd8) return "image/jpeg";
  if (head[0] === 0x47 && head[1] === 0x49 && head[2] === 0x46) return "image/gif";
  return IMAGES[ending(name)];
}

export function preview(name: string, type: string, bytes: Uint8Array): Preview {
  const image = imageType(name, bytes);
  if (image) return { kind: "image", type: image };
  const text = decoded(bytes);
  if (text === null) return { kind: "none", why: "It is binary: download it." };
  const end = ending(name);
  if (end === "csv" || end === "tsv") return table(text, end === "tsv" ? "\t" : ",");
  if (type.includes("text/html") || end === "html" || end === "htm" || /^\s*<(!doctype html|html)/i.test(text)) return { kind: "html", text };
  if (end === "json" || type.includes("json") || /^\s*[[{]/.test(text)) return ofJson(text) ?? { kind: "text", text };
  return end === "" && commas(text) ? table(text, ",") : { kind: "text", text };
}

/** A file without an ending whose first lines have alike many commas is a table. */
function commas(text: string): boolean {
  const counts = text.split("\n", 4).filter(Boolean).map((line) => line.split(",").length);
  return counts.length > 2 && (counts[0] ?? 0) > 1 && new Set(counts).size === 1;
}

function decoded(bytes: Uint8Array): string | null {
  if (bytes.subarray(0, 4096).includes(0)) return null;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return bytes.length >= MOST ? new TextDecoder().decode(bytes) : null;
  }
}

function ofJson(text: string): Preview | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  return matrix(value) ?? metrics(value) ?? records(value) ?? { kind: "json", text: JSON.stringify(value, null, 2) };
}

const record = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && !Array.isArray(value);
const numbers = (value: unknown): value is number[] => Array.isArray(value) && value.every((n) => typeof n === "number");
const square = (value: unknown): value is number[][] =>
  Array.isArray(value) && value.length > 1 && value.every((row) => numbers(row) && row.length === value.length);

/** `{labels, matrix}`, the same under `confusion_matrix`, or Pipelines' `{confusionMatrix: {annotationSpecs, rows}}`. */
export function matrix(value: unknown): Matrix | null {
  if (!record(value)) return null;
  const inner = value.confusionMatrix ?? value.confusion_matrix ?? value;
  if (square(inner)) return { kind: "matrix", labels: names(value.labels ?? value.classes, inner.length), cells: inner };
  if (!record(inner)) return null;
  const cells = inner.matrix ?? (Array.isArray(inner.rows) ? inner.rows.map((row: unknown) => (record(row) ? row.row : row)) : undefined);
  if (!square(cells)) return null;
  const specs = Array.isArray(inner.annotationSpecs) ? inner.annotationSpecs.map((s: unknown) => (record(s) ? s.displayName : s)) : undefined;
  return { kind: "matrix", labels: names(inner.labels ?? inner.classes ?? specs ?? value.labels, cells.length), cells };
}

function names(given: unknown, count: number): string[] {
  return Array.isArray(given) && given.length === count ? given.map(String) : Array.from({ length: count }, (_, i) => String(i));
}

/** A flat object of numbers, or Pipelines' `{metrics: [{name, numberValue}]}`. */
export function metrics(value: unknown): { kind: "metrics"; values: [string, number][] } | null {
  if (!record(value)) return null;
  if (Array.isArray(value.metrics)) {
    const told = value.metrics.flatMap((m: unknown): [string, number][] =>
      record(m) && typeof m.numberValue === "number" ? [[String(m.name), m.numberValue]] : [],
    );
    if (told.length) return { kind: "metrics", values: told };
  }
  const entries = Object.entries(value);
  return entries.length && entries.every(([, v]) => typeof v === "number") ? { kind: "metrics", values: entries as [string, number][] } : null;
}

function records(value: unknown): Table | null {
  if (!Array.isArray(value) || !value.length || !value.every(record)) return null;
  const columns = [...new Set(value.slice(0, ROWS).flatMap((row) => Object.keys(row)))];
  const rows = value.slice(0, ROWS).map((row) => columns.map((c) => said(row[c])));
  return { kind: "table", columns, rows, of: value.length };
}

function said(value: unknown): string {
  return value === undefined ? "" : typeof value === "string" ? value : JSON.stringify(value);
}

export function table(text: string, separator: string): Table {
  const rows = cells(text, separator);
  const [columns = [], ...body] = rows;
  return { kind: "table", columns, rows: body.slice(0, ROWS), of: body.length };
}

/** RFC 4180: quotes hold separators and line ends, two of them are one. */
function cells(text: string, separator: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let cell = "";
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const c = text.charAt(i);
    if (quoted && c === '"' && text[i + 1] === '"') cell += text.charAt(++i);
    else if (c === '"') quoted = !quoted;
    else if (quoted || (c !== separator && c !== "\n" && c !== "\r")) cell += c;
    else if (c !== "\r") {
      row.push(cell);
      cell = "";
      if (c === "\n") {
        rows.push(row);
        row = [];
      }
    }
  }
  if (cell || row.length) rows.push([...row, cell]);
  return rows.filter((r) => r.length > 1 || r[0] !== "");
}

/** The links of the server's page on a folder; null: the page is the artifact's own. */
export function listing(html: string): string[] | null {
  if (!/^<!doctype html><html><body><ul>/i.test(html)) return null;
  const page = new DOMParser().parseFromString(html, "text/html");
  return [...page.querySelectorAll("li > a")].map((a) => decodeURIComponent(a.getAttribute("href") ?? "")).filter((name) => name && name !== "..");
}
