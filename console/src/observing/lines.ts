/** Lines of several pods as one log: read with their times, joined by them, none twice. Pure. */

export interface Line {
  /** RFC 3339, as the server gave it: compares as text. */
  at: string;
  pod: string;
  text: string;
}

/** `2026-11-22T16:27:54.810239000Z words`: what `timestamps=true` puts before each line. */
export function read(pod: string, body: string): Line[] {
  return body.split("\n").flatMap((raw) => {
    const space = raw.indexOf(" ");
    if (space < 20) return raw.length >= 20 && raw.endsWith("Z") ? [{ at: raw, pod, text: "" }] : [];
    return [{ at: raw.slice(0, space), pod, text: raw.slice(space + 1) }];
  });
}

/**
 * What is new in `again`, which begins before the last line that is known. Times may be estimates that change a little
 * from reading to reading: the line that is known is found by its words, nearest to its time, and no line gets a time
 * before the one above it.
 */
export function fresh(known: Line[], again: Line[]): Line[] {
  const last = known.at(-1);
  if (!last) return again;
  const place = nearest(again, last);
  const rest = place < 0 ? again.filter((line) => line.at > last.at) : again.slice(place + 1);
  return after(known, rest);
}

/** Lines that came after those that are known: none gets a time before the one above it. */
export function after(known: Line[], more: Line[]): Line[] {
  let latest = known.at(-1)?.at ?? "";
  return more.map((line) => {
    if (line.at >= latest) latest = line.at;
    return line.at === latest ? line : { ...line, at: latest };
  });
}

function nearest(lines: Line[], wanted: Line): number {
  const at = Date.parse(wanted.at);
  let best = -1;
  let least = Number.POSITIVE_INFINITY;
  for (const [i, line] of lines.entries()) {
    const far = Math.abs(Date.parse(line.at) - at);
    if (line.text === wanted.text && far < least) [best, least] = [i, far];
  }
  return best;
}

/** A little before a moment: from where a log is read again. */
export function before(at: string): string {
  return new Date(Date.parse(at) - 2000).toISOString();
}

/** One log by time; lines of one moment stay in their pod's order. Only the last `most`. */
export function merged(logs: Iterable<Line[]>, most: number): Line[] {
  return [...logs].flatMap((lines) => lines.slice(-most)).sort(byTime).slice(-most);
}

/** The same with what came since: only the end that it reaches into is sorted anew. */
export function joined(all: Line[], more: Line[], most: number): Line[] {
  const news = [...more].sort(byTime);
  const first = news[0];
  if (!first) return all;
  let kept = all.length;
  while (kept > 0 && (all[kept - 1]?.at ?? "") > first.at) kept--;
  return [...all.slice(0, kept), ...[...all.slice(kept), ...news].sort(byTime)].slice(-most);
}

function byTime(a: Line, b: Line): number {
  return a.at < b.at ? -1 : a.at > b.at ? 1 : 0;
}

/** Lines with all the words, in either case. */
export function holding(lines: Line[], search: string): Line[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return lines;
  return lines.filter(({ text }) => {
    const low = text.toLowerCase();
    return words.every((word) => low.includes(word));
  });
}

/** A text cut where a word of the search is, so that it can be marked: odd places are hits. */
export function cut(text: string, search: string): string[] {
  const words = search.split(/\s+/).filter(Boolean).map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return words.length ? text.split(new RegExp(`(${words.join("|")})`, "i")) : [text];
}

/** Hours, minutes, seconds, in the reader's zone. */
export function clock(at: string): string {
  const moment = new Date(at);
  return Number.isNaN(moment.getTime()) ? "" : moment.toLocaleTimeString(undefined, { hour12: false });
}
