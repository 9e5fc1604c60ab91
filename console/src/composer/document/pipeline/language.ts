/** Kubeflow's pipelines as a language of the composer: the document is the IR that the SDK compiles to. */

import { RUNNING } from "../../pipelines/running";
import type { Component, End, GraphEdge } from "../../model";
import { obj } from "../../ports/read";
import type { Language, Way } from "../language";
import { follow, followScope, move } from "../layout";
import type { Source } from "../yaml";
import { change } from "./change";
import { check } from "./check";
import { copied, pasted } from "./clipboard";
import * as edit from "./edit";
import { INPUTS, OUTPUTS } from "./ends";
import { ROOT } from "./ir";
import { connect, disconnect } from "./lines";
import { materialOf, own } from "./palette";
import { read, values } from "./read";
import { Refused } from "../workflow/parts";
import { unwrap, wrapCondition, wrapExit, wrapLoop, wrapPipeline } from "./wrap";

function only(ids: Iterable<string>): string[] {
  return [...ids].filter((id) => id !== INPUTS && id !== OUTPUTS);
}

function add(document: Source, scope: string, component: Component): { id: string; scope: string } {
  return { scope, id: change(document, scope, (hand) => edit.add(hand, materialOf(component))) };
}

function remove(document: Source, scope: string, ids: Iterable<string>): void {
  const gone = only(ids);
  change(document, scope, (hand) => edit.remove(hand, gone));
  follow(document, scope, new Map(gone.map((id) => [id, null])));
}

function join(document: Source, scope: string, from: End, to: End): void {
  change(document, scope, (hand) => connect(hand, from, to));
}

function part(document: Source, scope: string, edge: GraphEdge): void {
  change(document, scope, (hand) => disconnect(hand, edge));
}

function rename(document: Source, scope: string, id: string, name: string): void {
  change(document, scope, (hand) => edit.rename(edit.nodeHere(hand, id), name));
}

function collapse(document: Source, scope: string, ids: readonly string[]): string {
  return change(document, scope, (hand) => wrapPipeline(hand, only(ids)));
}

function expand(document: Source, scope: string, id: string): string[] {
  const names = change(document, scope, (hand) => unwrap(hand, id));
  follow(document, scope, new Map([[id, null]]));
  followScope(document, `comp-${id}`, null);
  return names;
}

const WAYS: readonly Way[] = [
  { label: "Loop", icon: "loop", does: (document, scope, ids) => change(document, scope, (hand) => wrapLoop(hand, only(ids))) },
  { label: "Condition", icon: "condition", does: (document, scope, ids) => change(document, scope, (hand) => wrapCondition(hand, only(ids))) },
  {
    label: "Exit handler",
    icon: "exit",
    asks: "What runs at the end, however they end",
    does: (document, scope, ids, last) =>
      change(document, scope, (hand) => {
        if (last === undefined) throw new Refused("Say what runs at the end");
        return wrapExit(hand, only(ids), typeof last === "string" ? last : materialOf(last));
      }),
  },
];

export const language: Language = {
  form: "pipeline",
  kinds: [],
  told: (document) => ({ kind: "Pipeline", name: String(obj(document.pipelineInfo).name ?? "") }),
  entry: () => ROOT,
  scopes: (document) => [
    { name: ROOT, title: "pipeline", word: "pipeline" },
    ...Object.entries(obj(document.components)).filter(([, raw]) => obj(raw).dag !== undefined).map(([name]) => ({ name, title: name.replace(/^comp-/, ""), word: name.replace(/^comp-/, "") })),
  ],
  read,
  palette: (document, _, { pipelines }) => [...pipelines, ...own(document)],
  value: (document, scope) => (node, port) => values(document, scope, node).get(port)?.text ?? "",
  add: (document, scope, component, at) => {
    const made = add(document, scope, component);
    if (at) move(document, scope, new Map([[made.id, at]]));
    return made;
  },
  connect: join,
  disconnect: part,
  remove,
  rename,
  copied: (document, scope, ids) => copied(document, scope, only(ids)),
  pasted,
  grouping: { word: "pipeline", collapse, expand, ways: WAYS },
  running: RUNNING,
  kept: "pipeline",
  judged: false,
  check,
  loads: true,
  exports: [{ what: "python", label: "Export as Python (KFP)" }],
};
