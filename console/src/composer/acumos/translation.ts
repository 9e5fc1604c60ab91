/** What the server makes of a composition of Acumos, and what is told it beside the document. Pure, but for `translate`. */

import { Document } from "yaml";
import { create } from "../../api/kube";
import { list, obj } from "../ports/read";

export interface Container {
  name: string;
  kind: string;
  /** '' where the document names none. */
  image: string;
  proto: string;
  operations: string[];
}

export interface Translated {
  format: "blueprint" | "cdump";
  name: string;
  findings: { message: string; node?: string }[];
  refused: Record<string, string>;
  containers: Container[];
  blueprint: object;
  cdump: object;
  dockerinfo: object | null;
  graph: object | null;
  services: object[] | null;
  workflow: object | null;
  orchestrator: Obj[] | null;
}

export type Obj = Record<string, unknown>;

/** What a person says of the containers: where they run already, or what is to be run, and their proto files. */
export interface Given {
  addresses: Record<string, string>;
  images: Record<string, string>;
  protos: Record<string, string>;
}

export const NOTHING: Given = { addresses: {}, images: {}, protos: {} };

const NAMES = ["container_name", "containerName", "nodeId"];

/** A blueprint names containers, a CDUMP node ids: nothing else has either. A licence may stand before them. */
export function isAcumos(text: string): boolean {
  const json = text.replace(/^\s*\/\*[\s\S]*?\*\//, "").trimStart();
  if (!json.startsWith("{")) return false;
  try {
    const nodes = nodesOf(obj(JSON.parse(json)));
    return nodes.length > 0 && nodes.every((each) => NAMES.some((key) => key in each));
  } catch {
    return false;
  }
}

/** Newer projects wrap the whole once more. */
function nodesOf(document: Obj): Obj[] {
  return Array.isArray(document.nodes) ? list(document.nodes) : document.nodes ? nodesOf(obj(document.nodes)) : [];
}

export function translate(text: string, namespace: string, given: Given): Promise<Translated> {
  return create<Translated>("/pinnace/v1/authoring/acumos", { text, namespace, ...given });
}

/** The addresses of a `dockerinfo.json`: container → host:port. */
export function addressesOf(text: string, known: readonly string[]): Record<string, string> {
  const listed = list(obj(JSON.parse(text)).docker_info_list);
  const said = listed.map((one): [string, string] => [String(one.container_name), `${String(one.ip_address)}:${String(one.port)}`]);
  return Object.fromEntries(said.filter(([name]) => known.includes(name)));
}

/** The graph first where there is one: it answers requests; the workflow does the same for a batch. */
export function drawings({ name, graph, workflow, refused }: Translated): string {
  const made = [graph, workflow].filter((each) => each !== null);
  if (!made.length) throw new Error(`${name} becomes no drawing: ${[refused.graph, refused.workflow].filter(Boolean).join("; ")}`);
  return made.map((each) => new Document(each).toString({ lineWidth: 0 })).join("---\n");
}

/** What cannot be made, in the words of a person who wants it. */
export function reasons({ refused }: Translated): [string, string][] {
  const words: [string, string][] = [["graph", "As an InferenceGraph"], ["services", "Its containers in service"], ["workflow", "As a Workflow"], ["orchestrator", "As it is"]];
  return words.flatMap(([key, said]): [string, string][] => (refused[key] ? [[said, refused[key]]] : []));
}

export interface Deployable {
  value: "orchestrator" | "graph";
  label: string;
  documents: Obj[];
}

/** As what it can be put to work, what says everything first. */
export function deployable({ orchestrator, graph, services }: Translated): Deployable[] {
  const made: Deployable[] = [];
  if (orchestrator) made.push({ value: "orchestrator", label: "Acumos' orchestrator: answers POST /{operation}", documents: orchestrator });
  if (graph && services) made.push({ value: "graph", label: "An InferenceGraph of its containers in service", documents: [...services, graph] as Obj[] });
  return made;
}

/** The operations that a deployed composition answers at. */
export function entries({ blueprint }: Translated): string[] {
  const ports = list((blueprint as Obj).input_ports).map((port) => String(obj(port.operation_signature).operation_name ?? ""));
  return [...new Set(ports.filter(Boolean))];
}
