/** Prometheus' text format, read as far as the console needs it. Pure. */

export interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)(?:\s+-?\d+)?$/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g;

export function parse(text: string): Sample[] {
  return text.split("\n").flatMap((line) => {
    const found = line.startsWith("#") ? null : LINE.exec(line.trim());
    if (!found) return [];
    const [, name = "", labels = "", value = ""] = found;
    return [{ name, labels: Object.fromEntries([...labels.matchAll(LABEL)].map(([, key = "", word = ""]) => [key, plain(word)])), value: number(value) }];
  });
}

function plain(word: string): string {
  return word.replace(/\\(.)/g, (_, letter: string) => (letter === "n" ? "\n" : letter));
}

function number(text: string): number {
  if (/^[+]?Inf$/i.test(text)) return Number.POSITIVE_INFINITY;
  return /^-Inf$/i.test(text) ? Number.NEGATIVE_INFINITY : Number(text);
}

/** The sum of all samples of a name that have these labels. */
export function sum(samples: Sample[], name: string, labels: Record<string, string> = {}): number {
  const wanted = Object.entries(labels);
  return samples
    .filter((each) => each.name === name && wanted.every(([key, value]) => each.labels[key] === value))
    .reduce((total, each) => total + each.value, 0);
}

/** The value below which a share of what a histogram counted between two readings lies; undefined if it counted nothing. */
export function quantile(share: number, name: string, before: Sample[], now: Sample[]): number | undefined {
  const [earlier, later] = [buckets(before, name), buckets(now, name)];
  const counts = later.map(({ bound, count }) => ({ bound, count: count - (earlier.find((each) => each.bound === bound)?.count ?? 0) }));
  const all = counts.at(-1)?.count ?? 0;
  if (all <= 0) return undefined;
  const found = counts.find((each) => each.count >= share * all);
  return found && Number.isFinite(found.bound) ? found.bound : counts.at(-2)?.bound;
}

function buckets(samples: Sample[], name: string): { bound: number; count: number }[] {
  const sums = new Map<number, number>();
  for (const each of samples)
    if (each.name === `${name}_bucket`) {
      const bound = number(each.labels.le ?? "");
      sums.set(bound, (sums.get(bound) ?? 0) + each.value);
    }
  return [...sums].map(([bound, count]) => ({ bound, count })).sort((a, b) => a.bound - b.bound);
}
