/** From a model's metadata to a form, from the form to a request. Pure. */

export interface Tensor {
  name: string;
  datatype: string;
  shape: number[];
}

export interface Metadata {
  name: string;
  platform?: string;
  versions?: string[];
  inputs?: Tensor[];
  outputs?: Tensor[];
}

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

export class Refused extends Error {
  constructor(
    readonly field: string,
    message: string,
  ) {
    super(message);
  }
}

const MOST = 4096;

/** One example of the right shape: what is -1 becomes one, numbers are 0. */
export function example({ shape, datatype }: Tensor): string {
  const sizes = shape.map((n) => (n < 0 ? 1 : n));
  const count = sizes.reduce((product, n) => product * n, 1);
  if (count > MOST) return "[]";
  const zero: Json = datatype === "BYTES" ? "" : datatype === "BOOL" ? false : 0;
  const build = (depth: number): Json => (depth === sizes.length ? zero : Array.from({ length: sizes[depth] ?? 0 }, () => build(depth + 1)));
  return JSON.stringify(build(0));
}

/** `FP32 [-1, 64]` as people write it: `FP32 · n × 64`. */
export function described({ datatype, shape }: Tensor): string {
  return `${datatype} · ${shape.map((n) => (n < 0 ? "n" : String(n))).join(" × ") || "scalar"}`;
}

/** The JSON that was typed, or a refusal that names the field. A list without brackets is a list. */
export function typed(field: string, text: string): Json {
  const words = text.trim();
  if (!words) throw new Refused(field, "expected values as JSON, such as [[1, 2], [3, 4]]");
  for (const attempt of [words, `[${words}]`]) {
    try {
      return JSON.parse(attempt) as Json;
    } catch {
      // The last attempt's refusal is told below.
    }
  }
  throw new Refused(field, "this is no JSON: expected values such as [[1, 2], [3, 4]]");
}

/** The shape of nested lists; a refusal where two rows differ. */
export function shapeOf(field: string, value: Json): number[] {
  if (!Array.isArray(value)) return [];
  const shapes = value.map((one) => shapeOf(field, one));
  const first = shapes[0] ?? [];
  if (shapes.some((s) => s.join() !== first.join())) throw new Refused(field, "rows are not of the same length");
  return [value.length, ...first];
}

function flat(value: Json): Json[] {
  return Array.isArray(value) ? value.flatMap(flat) : [value];
}

/** What the model asks for, filled with what is there: `[8, 8]` and 128 values make `[2, 8, 8]`. */
export function fitted(tensor: Tensor, value: Json): { shape: number[]; data: Json[] } {
  const given = shapeOf(tensor.name, value);
  const data = flat(value);
  const wanted = tensor.shape;
  if (matches(given, wanted)) return { shape: given, data };
  const free = wanted.filter((n) => n < 0).length;
  const known = wanted.reduce((product, n) => (n < 0 ? product : product * n), 1);
  if (free === 1 && known > 0 && data.length % known === 0) {
    return { shape: wanted.map((n) => (n < 0 ? data.length / known : n)), data };
  }
  if (free === 0 && known === data.length) return { shape: wanted, data };
  if (wanted.length === 0 || free > 1) return { shape: given.length ? given : [data.length], data };
  throw new Refused(tensor.name, `expected ${described(tensor)}, found ${data.length} values of shape ${given.join(" × ") || "1"}`);
}

function matches(given: number[], wanted: number[]): boolean {
  return given.length === wanted.length && given.every((n, i) => (wanted[i] ?? -1) < 0 || n === wanted[i]);
}

/** The body of `POST /v2/models/{name}/infer`. */
export function inference(inputs: Tensor[], texts: Record<string, string>): Json {
  return {
    inputs: inputs.map((tensor) => {
      const { shape, data } = fitted(tensor, typed(tensor.name, texts[tensor.name] ?? ""));
      return { name: tensor.name, datatype: tensor.datatype, shape, data };
    }),
  };
}

/** Outputs of V2, folded back into the lists that their shapes say. */
export function outputs(answer: unknown): { name: string; datatype: string; value: Json }[] {
  const found = (answer as { outputs?: { name: string; datatype: string; shape?: number[]; data?: Json[] }[] } | null)?.outputs;
  if (!Array.isArray(found)) return [];
  return found.map(({ name, datatype, shape, data }) => ({ name, datatype, value: fold(data ?? [], shape ?? []) }));
}

function fold(data: Json[], shape: number[]): Json {
  const [first, ...rest] = shape;
  if (rest.length === 0 || first === undefined) return data;
  const size = data.length / first;
  return Array.from({ length: first }, (_, i) => fold(data.slice(i * size, (i + 1) * size), rest));
}

/** A line for a terminal; single quotes keep what is inside. */
export function curl(url: string, body: string): string {
  const quoted = body.replaceAll("'", `'\\''`);
  return `curl ${url} -H 'Content-Type: application/json' -d '${quoted}'`;
}
