import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import type { Workflow } from "../src/api/types";
import { isAway, packedIn, unpack } from "../src/workflows/packing";

const nodes = { a: { id: "a", name: "a", type: "Pod", phase: "Succeeded" } };
const words = gzipSync(JSON.stringify(nodes)).toString("base64");
const run = (status: object) => ({ metadata: { name: "a" }, spec: {}, status }) as unknown as Workflow;

test("nodes that Argo's controller has packed are read", async () => {
  expect(await unpack(packedIn(run({ compressedNodes: words })))).toEqual(nodes);
});

test("plain nodes go before packed ones", () => {
  expect(packedIn(run({ nodes, compressedNodes: words }))).toBe("");
  expect(packedIn(undefined)).toBe("");
});

test("nodes in the database of Argo's server are told to be away", () => {
  expect(isAway(run({ offloadNodeStatusVersion: "fnv:1" }))).toBe(true);
  expect(isAway(run({ nodes, offloadNodeStatusVersion: "fnv:1" }))).toBe(false);
});
