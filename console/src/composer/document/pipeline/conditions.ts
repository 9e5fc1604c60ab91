/**
 * The expressions of conditions: comparisons of values with each other or with constants, joined by `&&`, as upstream's
 * compiler writes them. What is written otherwise is kept as it is, with the values in it found.
 */

export const OPERATORS = ["==", "!=", "<", "<=", ">", ">="] as const;
export type Operator = (typeof OPERATORS)[number];
export type Type = "STRING" | "NUMBER_INTEGER" | "NUMBER_DOUBLE" | "BOOLEAN";
export type Operand<C> = { channel: C } | { value: string | number | boolean };

export interface Comparison<C> {
  left: Operand<C>;
  operator: Operator;
  right: Operand<C>;
  not: boolean;
}

export interface Condition<C> {
  /** As it was written, if it was; what is made here is printed from `of`. */
  text: string;
  /** Of the names in the text. */
  channels: Map<string, C>;
  /** null: it is written in another way than upstream's compiler does. */
  of: Comparison<C>[] | null;
}

const NAMED = /inputs\.parameter_values\['([^']+)'\]/g;
const TERM = /^(?:(?:int|double|float|bool)\()?'?(?:int\()?inputs\.parameter_values\['([^']+)'\]\)?'?\)?$/;
const COMPARED = /^(.+?) (==|!=|<=|>=|<|>) (.+)$/s;

export function read<C>(text: string, channel: (name: string) => C | null): Condition<C> {
  const channels = new Map<string, C>();
  for (const [, name = ""] of text.matchAll(NAMED)) {
    const found = channel(name);
    if (found) channels.set(name, found);
  }
  const of = text.split(" && ").flatMap((part) => comparison(part, channel) ?? []);
  return { text, channels, of: of.length === text.split(" && ").length ? of : null };
}

export function made<C>(of: Comparison<C>[]): Condition<C> {
  return { text: "", channels: new Map(), of };
}

function comparison<C>(text: string, channel: (name: string) => C | null): Comparison<C> | null {
  const not = /^!\((.*)\)$/s.exec(text);
  const [, left, operator, right] = COMPARED.exec(not?.[1] ?? text) ?? [];
  if (left === undefined || right === undefined) return null;
  const ends = [operand(left, channel), operand(right, channel)] as const;
  return ends[0] && ends[1] ? { left: ends[0], operator: operator as Operator, right: ends[1], not: not !== null } : null;
}

function operand<C>(text: string, channel: (name: string) => C | null): Operand<C> | null {
  const name = TERM.exec(text)?.[1];
  if (name !== undefined) {
    const found = channel(name);
    return found ? { channel: found } : null;
  }
  const quoted = /^'(.*)'$/s.exec(text);
  if (quoted?.[1] !== undefined) return { value: quoted[1] };
  if (text === "true" || text === "false") return { value: text === "true" };
  const number = /^(?:double\()?(-?\d+(?:\.\d+)?(?:e[-+]?\d+)?)\)?$/i.exec(text)?.[1];
  return number === undefined ? null : { value: Number(number) };
}

export function channels<C>({ text, channels: named, of }: Condition<C>): C[] {
  if (text) return [...named.values()];
  return (of ?? []).flatMap(({ left, right }) => [left, right].flatMap((each) => ("channel" in each ? [each.channel] : [])));
}

/** With other values in the place of these. */
export function replaced<C, D>({ text, channels: named, of }: Condition<C>, change: (channel: C) => D): Condition<D> {
  const end = (each: Operand<C>): Operand<D> => ("channel" in each ? { channel: change(each.channel) } : each);
  return {
    text,
    channels: new Map([...named].map(([name, each]) => [name, change(each)])),
    of: of?.map((each) => ({ ...each, left: end(each.left), right: end(each.right) })) ?? null,
  };
}

export interface Named {
  /** Of the hole through which it comes. */
  name: string;
  type: string;
}

/** As upstream's compiler writes it: types are brought together as it does. */
export function print({ text, channels: named, of }: Condition<Named>): string {
  if (text) return text.replace(NAMED, (_, name: string) => `inputs.parameter_values['${named.get(name)?.name ?? name}']`);
  return (of ?? []).map(compared).join(" && ");
}

function compared({ left, operator, right, not }: Comparison<Named>): string {
  const wanted = common(typeOf(left), typeOf(right));
  const text = `${cast(left, wanted)} ${operator} ${cast(right, wanted)}`;
  return not ? `!(${text})` : text;
}

export function typeOf(operand: Operand<Named>): Type {
  if ("channel" in operand) return operand.channel.type as Type;
  if (typeof operand.value === "string") return "STRING";
  if (typeof operand.value === "boolean") return "BOOLEAN";
  return Number.isInteger(operand.value) ? "NUMBER_INTEGER" : "NUMBER_DOUBLE";
}

function common(a: Type, b: Type): Type {
  return (["STRING", "BOOLEAN", "NUMBER_DOUBLE"] as const).find((type) => a === type || b === type) ?? "NUMBER_INTEGER";
}

function cast(operand: Operand<Named>, wanted: Type): string {
  const type = typeOf(operand);
  const text = plain(operand);
  if (type === wanted) return text;
  if (wanted === "STRING") return `'${text}'`;
  if (wanted === "NUMBER_DOUBLE") return `double(${text})`;
  return text;
}

function plain(operand: Operand<Named>): string {
  if (!("channel" in operand)) return typeof operand.value === "string" ? `'${operand.value}'` : String(operand.value);
  const text = `inputs.parameter_values['${operand.channel.name}']`;
  return operand.channel.type === "NUMBER_INTEGER" ? `int(${text})` : text;
}
