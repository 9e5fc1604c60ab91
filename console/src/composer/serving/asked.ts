/** What was last asked of a graph, for as long as the page lives; else what most models understand. */

const last = new Map<string, string>();
const USUAL = '{"instances": [[1, 2, 3, 4]]}';

export function asked(namespace: string, name: string, text?: string): string {
  const key = `${namespace}/${name}`;
  if (text !== undefined) last.set(key, text);
  return last.get(key) ?? USUAL;
}
