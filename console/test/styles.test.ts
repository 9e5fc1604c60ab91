import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const SOURCE = join(import.meta.dirname, "..", "src");
const SHARED = new Set(["styles"]);

function sheets(): { area: string; text: string }[] {
  const files = readdirSync(SOURCE, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".css"));
  return files.map((file) => ({ area: file.split("/")[0] ?? "", text: readFileSync(join(SOURCE, file), "utf8") }));
}

/** Classes that stand alone at a selector's beginning: these reach into every page once their sheet is loaded. */
function classes(text: string): Set<string> {
  const selectors = [...text.replaceAll(/\/\*[\s\S]*?\*\//g, "").matchAll(/([^{}]+)\{/g)].flatMap(([, found = ""]) => found.split(","));
  return new Set(selectors.flatMap((selector) => /^\s*\.([\w-]+)/.exec(selector)?.[1] ?? []));
}

test("no area styles a class of another one, nor of the kit: a page looks the same whatever was open before", () => {
  const owners = new Map<string, string>();
  const clashes: string[] = [];
  for (const { area, text } of sheets())
    for (const name of classes(text)) {
      const other = owners.get(name);
      if (other && other !== area) clashes.push(`.${name}: ${other} and ${area}`);
      if (!other || SHARED.has(area)) owners.set(name, area);
    }
  expect(clashes).toEqual([]);
});
