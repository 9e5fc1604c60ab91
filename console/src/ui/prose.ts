/** Markdown as blocks and spans: enough for reports and descriptions. What is HTML in it stays text. Pure. */

export type Span = { kind: "text" | "code" | "strong" | "em"; text: string } | { kind: "link"; text: string; to: string };

export type Block =
  | { kind: "heading"; level: number; spans: Span[] }
  | { kind: "paragraph"; spans: Span[] }
  | { kind: "code"; text: string }
  | { kind: "list"; ordered: boolean; items: Span[][] }
  | { kind: "quote"; spans: Span[] }
  | { kind: "table"; head: Span[][]; rows: Span[][][] }
  | { kind: "rule" };

const ITEM = /^\s*(?:[-*+]|(\d+)[.)])\s+(.*)$/;
const FENCE = /^\s*(```|~~~)/;
const RULE = /^\s*([-*_])(?:\s*\1){2,}\s*$/;
const HEADING = /^(#{1,6})\s+(.*?)\s*#*$/;
const DIVIDER = /^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/;

export function blocks(text: string): Block[] {
  const lines = text.replaceAll("\r\n", "\n").split("\n");
  const found: Block[] = [];
  for (let at = 0; at < lines.length; ) {
    const [block, next] = blockAt(lines, at);
    if (block) found.push(block);
    at = next;
  }
  return found;
}

function blockAt(lines: string[], at: number): [Block | null, number] {
  const line = lines[at] ?? "";
  if (!line.trim()) return [null, at + 1];
  const heading = HEADING.exec(line);
  if (heading) return [{ kind: "heading", level: heading[1]?.length ?? 1, spans: spans(heading[2] ?? "") }, at + 1];
  if (FENCE.test(line)) return fenced(lines, at);
  if (RULE.test(line)) return [{ kind: "rule" }, at + 1];
  if (ITEM.test(line)) return listed(lines, at);
  if (line.startsWith(">")) return quoted(lines, at);
  if (line.includes("|") && DIVIDER.test(lines[at + 1] ?? "x")) return tabled(lines, at);
  return paragraph(lines, at);
}

function fenced(lines: string[], at: number): [Block, number] {
  const mark = FENCE.exec(lines[at] ?? "")?.[1] ?? "```";
  const end = lines.findIndex((line, i) => i > at && line.trim().startsWith(mark));
  const stop = end < 0 ? lines.length : end;
  return [{ kind: "code", text: lines.slice(at + 1, stop).join("\n") }, stop + 1];
}

function listed(lines: string[], at: number): [Block, number] {
  const items: string[] = [];
  let i = at;
  for (; i < lines.length; i++) {
    const found = ITEM.exec(lines[i] ?? "");
    if (found) items.push(found[2] ?? "");
    else if (/^\s+\S/.test(lines[i] ?? "") && items.length) items.push(`${items.pop()} ${(lines[i] ?? "").trim()}`);
    else break;
  }
  return [{ kind: "list", ordered: ITEM.exec(lines[at] ?? "")?.[1] !== undefined, items: items.map(spans) }, i];
}

function quoted(lines: string[], at: number): [Block, number] {
  const end = lines.findIndex((line, i) => i > at && !line.startsWith(">"));
  const stop = end < 0 ? lines.length : end;
  return [{ kind: "quote", spans: spans(lines.slice(at, stop).map((line) => line.replace(/^>\s?/, "")).join(" ")) }, stop];
}

function tabled(lines: string[], at: number): [Block, number] {
  const end = lines.findIndex((line, i) => i > at + 1 && !line.includes("|"));
  const stop = end < 0 ? lines.length : end;
  const cells = (line: string) => line.trim().replace(/^\||\|$/g, "").split("|").map((cell) => spans(cell.trim()));
  return [{ kind: "table", head: cells(lines[at] ?? ""), rows: lines.slice(at + 2, stop).map(cells) }, stop];
}

function paragraph(lines: string[], at: number): [Block, number] {
  let i = at + 1;
  while (i < lines.length && (lines[i] ?? "").trim() && ![HEADING, FENCE, RULE, ITEM].some((r) => r.test(lines[i] ?? ""))) i++;
  return [{ kind: "paragraph", spans: spans(lines.slice(at, i).join(" ")) }, i];
}

const SPAN = /`([^`]+)`|\*\*([^*]+)\*\*|__([^_]+)__|\*([^*\s][^*]*)\*|\b_([^_]+)_\b|\[([^\]]+)\]\(([^)\s]+)\)/g;

export function spans(text: string): Span[] {
  const found: Span[] = [];
  let last = 0;
  for (const hit of text.matchAll(SPAN)) {
    if (hit.index > last) found.push({ kind: "text", text: text.slice(last, hit.index) });
    found.push(span(hit));
    last = hit.index + hit[0].length;
  }
  if (last < text.length) found.push({ kind: "text", text: text.slice(last) });
  return found;
}

function span([all, code, strong, other, em, low, text, to]: RegExpMatchArray): Span {
  if (code !== undefined) return { kind: "code", text: code };
  if (strong ?? other) return { kind: "strong", text: strong ?? other ?? "" };
  if (em ?? low) return { kind: "em", text: em ?? low ?? "" };
  if (text !== undefined && /^https?:\/\//.test(to ?? "")) return { kind: "link", text, to: to ?? "" };
  return { kind: "text", text: text ?? all };
}
