/** `depends` of a task: what it waits for. Grammar of upstream (`docs/enhanced-depends-logic.md`): names, `.State`, && || ! ( ). */

export type Expression =
  | { op: "and" | "or"; parts: Expression[] }
  | { op: "not"; of: Expression }
  | { op: "task"; name: string; state: string };

const TOKEN = /\s*(&&|\|\||!|\(|\)|[A-Za-z0-9_][\w-]*(?:\.[A-Za-z]+)?)/y;

/** null: not an expression, which is told elsewhere (by validation). */
export function parse(text: string): Expression | null {
  const tokens = lex(text);
  if (!tokens?.length) return null;
  const state = { at: 0 };
  const found = either(tokens, state);
  return state.at === tokens.length ? found : null;
}

function lex(text: string): string[] | null {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  const end = text.trimEnd().length;
  while (TOKEN.lastIndex < end) {
    const found = TOKEN.exec(text);
    if (!found?.[1]) return null;
    tokens.push(found[1]);
  }
  return tokens;
}

type At = { at: number };

function either(tokens: string[], state: At): Expression | null {
  return joined(tokens, state, "||", "or", both);
}

function both(tokens: string[], state: At): Expression | null {
  return joined(tokens, state, "&&", "and", single);
}

function joined(
  tokens: string[],
  state: At,
  sign: string,
  op: "and" | "or",
  next: (tokens: string[], state: At) => Expression | null,
): Expression | null {
  const parts = [next(tokens, state)];
  while (tokens[state.at] === sign) {
    state.at++;
    parts.push(next(tokens, state));
  }
  const found = parts.filter((part) => part !== null);
  if (found.length !== parts.length) return null;
  return found.length === 1 ? (found[0] ?? null) : { op, parts: found };
}

function single(tokens: string[], state: At): Expression | null {
  const token = tokens[state.at++];
  if (token === "!") {
    const of = single(tokens, state);
    return of && { op: "not", of };
  }
  if (token === "(") {
    const inner = either(tokens, state);
    return tokens[state.at++] === ")" ? inner : null;
  }
  if (!token || /^[&|)]/.test(token)) return null;
  const [name = "", how = ""] = token.split(".");
  return { op: "task", name, state: how };
}

export function print(expression: Expression, within: "" | "and" | "or" | "not" = ""): string {
  if (expression.op === "task") return expression.state ? `${expression.name}.${expression.state}` : expression.name;
  if (expression.op === "not") return `!${print(expression.of, "not")}`;
  const text = expression.parts.map((part) => print(part, expression.op)).join(expression.op === "and" ? " && " : " || ");
  const tight = within === "not" || (within === "and" && expression.op === "or");
  return tight ? `(${text})` : text;
}

/** Every task that is named, with the states in which it is waited for. */
export function tasks(expression: Expression): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  const visit = (each: Expression): void => {
    if (each.op === "task") found.set(each.name, (found.get(each.name) ?? new Set()).add(each.state));
    else if (each.op === "not") visit(each.of);
    else each.parts.forEach(visit);
  };
  visit(expression);
  return found;
}

/** Without a task; null when nothing is left to wait for. */
export function without(expression: Expression, name: string): Expression | null {
  if (expression.op === "task") return expression.name === name ? null : expression;
  if (expression.op === "not") {
    const of = without(expression.of, name);
    return of && { op: "not", of };
  }
  const parts = expression.parts.map((part) => without(part, name)).filter((part) => part !== null);
  return parts.length > 1 ? { op: expression.op, parts } : (parts[0] ?? null);
}

/** With every task named anew; what `names` does not know stays. */
export function renamed(expression: Expression, names: ReadonlyMap<string, string>): Expression {
  if (expression.op === "task") return { ...expression, name: names.get(expression.name) ?? expression.name };
  if (expression.op === "not") return { op: "not", of: renamed(expression.of, names) };
  return { op: expression.op, parts: expression.parts.map((part) => renamed(part, names)) };
}

/** And a further task; `states` are those in which it may be ('' for upstream's usual ones). */
export function and(expression: Expression | null, name: string, states: readonly string[] = [""]): Expression {
  const some = states.map((state): Expression => ({ op: "task", name, state }));
  const added: Expression = some.length === 1 && some[0] ? some[0] : { op: "or", parts: some };
  if (!expression) return added;
  return { op: "and", parts: [...(expression.op === "and" ? expression.parts : [expression]), added] };
}
