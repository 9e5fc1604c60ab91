/** A tree of lineage as a picture: what is told twice is one box; arrows go from data to what was made of it. Pure. */

export interface Tree {
  kind: string;
  title: string;
  facts: Record<string, unknown>;
  children: Tree[];
}

export interface Box {
  id: string;
  tree: Tree;
}

export interface Arrow {
  from: string;
  to: string;
}

/** The same content, execution or version is the same box wherever it stands. */
export function identity(tree: Tree, place: string): string {
  const { digest, pod, url, uid, id } = tree.facts;
  if ((tree.kind === "artifact" || tree.kind === "dataset") && typeof digest === "string") return `content ${digest}`;
  const own = pod ?? uid ?? id ?? url;
  if (typeof own === "string") return `${tree.kind} ${own}`;
  return tree.kind === "version" || tree.kind === "model" ? `${tree.kind} ${tree.title}` : place;
}

export function picture(root: Tree, down: boolean): { boxes: Box[]; arrows: Arrow[] } {
  const boxes = new Map<string, Box>();
  const arrows = new Map<string, Arrow>();
  const visit = (tree: Tree, place: string): string => {
    const id = identity(tree, place);
    const known = boxes.get(id);
    if (!known || size(tree) > size(known.tree)) boxes.set(id, { id, tree });
    tree.children.forEach((child, i) => {
      const other = visit(child, `${place}.${i}`);
      const arrow = down ? { from: id, to: other } : { from: other, to: id };
      if (other !== id) arrows.set(`${arrow.from}→${arrow.to}`, arrow);
    });
    return id;
  };
  visit(root, "0");
  return { boxes: [...boxes.values()], arrows: [...arrows.values()] };
}

function size(tree: Tree): number {
  return Object.keys(tree.facts).length + tree.children.length;
}

/** What the one line below a title tells. */
export function detail({ kind, facts }: Tree): string {
  const text = (key: string) => (typeof facts[key] === "string" ? (facts[key] as string) : "");
  if (kind === "execution") return text("run");
  if (kind === "version") return [text("type"), text("framework")].filter(Boolean).join(", ");
  if (kind === "artifact" || kind === "dataset") return [text("digest").slice(0, 12), amount(facts.bytes)].filter(Boolean).join(" · ");
  if (kind === "endpoint") return text("url");
  return text("phase") || text("description") || kind;
}

export function amount(bytes: unknown): string {
  if (typeof bytes !== "number") return "";
  const units = ["B", "KB", "MB", "GB", "TB"];
  const power = bytes > 0 ? Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3)) : 0;
  const value = bytes / 1000 ** power;
  return `${value >= 100 || power === 0 ? Math.round(value) : value.toFixed(1)} ${units[power]}`;
}

/** The word that asks for the same thing again, as the root of another walk. */
export function question({ kind, title, facts }: Tree): string | undefined {
  const name = title.split("/").at(-1) ?? title;
  if (kind === "endpoint") return `endpoint/${name}`;
  if (kind === "version") return title.replace(/ version /, ":");
  if (kind === "model") return `model/${title}`;
  if (kind === "run") return title.replace(/^[A-Z]/, (c) => c.toLowerCase());
  if (kind === "execution" && typeof facts.pod === "string") return facts.pod;
  if (kind === "tracked" && typeof facts.id === "string") return facts.id;
  return typeof facts.digest === "string" && /^[0-9a-f]{12,}$/.test(facts.digest) ? facts.digest.slice(0, 16) : undefined;
}
