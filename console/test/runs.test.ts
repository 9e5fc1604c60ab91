import { afterEach, expect, test, vi } from "vitest";
import { workflowOfRun } from "../src/api/runs";

afterEach(() => vi.unstubAllGlobals());

function answering(items: unknown[]) {
  const fetch = vi.fn(async () => new Response(JSON.stringify({ metadata: {}, items })));
  vi.stubGlobal("fetch", fetch);
  return fetch;
}

test("the SDK's link to a run leads to its workflow", async () => {
  const fetch = answering([{ metadata: { name: "sum-abcde", namespace: "kubeflow" } }]);
  const found = await workflowOfRun("/runs/details/0b1c-22");
  expect(found).toEqual({ namespace: "kubeflow", name: "sum-abcde" });
  expect(String((fetch.mock.calls as unknown[][])[0]?.[0])).toContain("labelSelector=pipeline%2Frunid%3D0b1c-22");
});

test("other addresses and runs that are gone lead nowhere", async () => {
  answering([]);
  expect(await workflowOfRun("")).toBeUndefined();
  expect(await workflowOfRun("/runs/details/0b1c-22")).toBeUndefined();
});
