import { describe, expect, test } from "vitest";
import { merged } from "../src/composer/document/three";
import { authorOf } from "../src/composer/saving";
import type { KubeObject } from "../src/api/types";

const BASE = `apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata:
  name: t
  annotations:
    pinnace.dev/layout: '{"main":{"a":[0,0],"b":[300,0]}}'
spec:
  templates:
    - name: main
      dag:
        tasks:
          - name: a
            template: say
          - name: b
            template: say
            depends: a
    - name: say
      container:
        image: busybox
`;
/** The same in somebody's own hand. */
const MINE = `# mine
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: t, annotations: {pinnace.dev/layout: '{"main":{"a":[0,0],"b":[300,0]}}'}}   # kept
spec:
  templates:
  - name: main
    dag:
      tasks:
      - {name: a, template: say}   # first
      - {name: b, template: say, depends: a}
  - name: say
    container: {image: busybox}
`;

describe("two people's changes", () => {
  test("what only they changed comes into what only I changed, in my hand", () => {
    const theirs = BASE.replace("image: busybox", "image: alpine").replace("            depends: a\n", "            depends: a\n          - name: c\n            template: say\n");
    const mine = MINE.replace("depends: a}", "depends: a.Failed}");
    const { text, conflicts } = merged(mine, BASE, theirs);
    expect(conflicts).toEqual([]);
    expect(text).toContain("# mine");
    expect(text).toContain("# first");
    expect(text).toContain("depends: a.Failed");
    expect(text).toMatch(/image: alpine/);
    expect(text).toMatch(/name: c/);
  });

  test("both moved nodes: places are joined", () => {
    const { text, conflicts } = merged(BASE.replace('"a":[0,0]', '"a":[50,60]'), BASE, BASE.replace('"b":[300,0]', '"b":[400,10]'));
    expect(conflicts).toEqual([]);
    expect(text).toContain('{"main":{"a":[50,60],"b":[400,10]}}');
  });

  test("what both changed differently stays mine, and is told", () => {
    const { text, conflicts } = merged(BASE.replace("image: busybox", "image: mine"), BASE, BASE.replace("image: busybox", "image: theirs"));
    expect(conflicts).toEqual(["spec.templates[say].container.image"]);
    expect(text).toContain("image: mine");
  });

  test("a step that they deleted goes, unless I changed it", () => {
    const theirs = BASE.replace("          - name: b\n            template: say\n            depends: a\n", "");
    expect(merged(MINE, BASE, theirs).text).not.toContain("name: b");
    const { text, conflicts } = merged(MINE.replace("depends: a}", "depends: a.Failed}"), BASE, theirs);
    expect(text).toContain("name: b");
    expect(conflicts).toEqual(["spec.templates[main].dag.tasks[b]"]);
  });
});

describe("who saved it", () => {
  const object = (manager: string, annotations = {}) =>
    ({ metadata: { name: "t", annotations, managedFields: [{ manager: "old", time: "2026-01-01T00:00:00Z" }, { manager, time: "2026-02-01T00:00:00Z" }, { manager: "controller", time: "2026-03-01T00:00:00Z", subresource: "status" }] } }) as unknown as KubeObject;

  test("a person where the composer did, else the program", () => {
    expect(authorOf(object("pinnace-console", { "pinnace.dev/saved-by": "ann" }))).toEqual({ who: "ann", here: true, at: "2026-02-01T00:00:00Z" });
    expect(authorOf(object("kubectl-client-side-apply", { "pinnace.dev/saved-by": "ann" })).who).toBe("Somebody with kubectl");
  });
});
