// @vitest-environment node
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { ROOT, type Obj, kindOf, tasksOf, componentName } from "../src/composer/document/pipeline/ir";
import { lowered, programOf } from "../src/composer/document/pipeline/lower";
import { numbered } from "../src/composer/document/pipeline/numbering";
import { owner } from "../src/composer/document/pipeline/program";
import { parse, plain } from "../src/composer/document/yaml";

/** Real pipelines, compiled by upstream's SDK. */
const CORPUS = resolve(__dirname, "../../../shared/corpus/kfp");
const compiled = existsSync(CORPUS)
  ? readdirSync(CORPUS).filter((name) => name.endsWith(".yaml")).map((name): [string, Obj] => [name, plain(parse(readFileSync(join(CORPUS, name), "utf8")).documents[0] as never)])
  : [];
if (compiled.length === 0) console.warn(`${CORPUS} is not there: compiled pipelines are not read`);

/** Every pipeline of a document: itself, and those nested in it. */
function pipelines(document: Obj): string[] {
  const nested = [...tasksOf((document.root ?? {}) as Obj), ...Object.values((document.components ?? {}) as Obj).flatMap((each) => tasksOf(each as Obj))];
  return [ROOT, ...new Set(nested.filter(([, task]) => kindOf(document, task) === "pipeline").map(([, task]) => componentName(task)))];
}

describe.skipIf(compiled.length === 0)("what upstream's compiler made", () => {
  test.each(compiled.filter(([, document]) => document.root))("%s is read and written again to the letter", (_, document) => {
    for (const scope of pipelines(document)) {
      expect(owner(document, scope)).toBe(scope);
      expect(lowered(programOf(document, scope))).toEqual(document);
    }
  });

  test.each(compiled.filter(([, document]) => document.root))("%s has the numbers that Python would give", (_, document) => {
    for (const scope of pipelines(document)) {
      const wrong = [...numbered(programOf(document, scope))].filter(([key, name]) => !key.includes(" ") && key !== name);
      expect(wrong).toEqual([]);
    }
  });
});
