/** YAML of any number of documents, made into objects: each at its kind's path, first tried without effect. */

import { parseAllDocuments } from "yaml";
import { KubeError, create, get } from "../api/kube";
import { resource, collection, type Resource } from "../api/resources";
import type { KubeObject } from "../api/types";

export interface Draft {
  apiVersion: string;
  kind: string;
  metadata: { name?: string; generateName?: string; namespace?: string };
}

/** KubeError that names the document and what is wrong with it. */
export function drafts(text: string): Draft[] {
  const documents = parseAllDocuments(text);
  if (!Array.isArray(documents)) throw refusal("there is no document");
  const found = documents.flatMap((document, i) => {
    const [wrong] = document.errors;
    if (wrong) throw refusal(`document ${i + 1}: ${wrong.message}`);
    const value = document.toJS() as unknown;
    return value === null ? [] : [draft(value, i)];
  });
  if (found.length === 0) throw refusal("there is no document");
  return found;
}

function draft(value: unknown, i: number): Draft {
  const { apiVersion, kind, metadata } = (typeof value === "object" ? value : {}) as Partial<Draft>;
  if (!apiVersion || !kind) throw refusal(`document ${i + 1}: apiVersion and kind are missing`);
  if (!metadata?.name && !metadata?.generateName) throw refusal(`document ${i + 1} (${kind}): metadata.name is missing`);
  return value as Draft;
}

function refusal(message: string): KubeError {
  return new KubeError(422, "Invalid", message);
}

interface Discovery {
  resources: { name: string; kind: string; namespaced: boolean }[];
}

async function kindOf({ apiVersion, kind }: Draft): Promise<Resource> {
  const served = await get<Discovery>(apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`).catch(() => null);
  const found = served?.resources.find((each) => each.kind === kind && !each.name.includes("/"));
  if (!found) throw refusal(`this server has no ${kind} of ${apiVersion}`);
  return resource(apiVersion, found.name, kind, found.namespaced);
}

export interface Made {
  of: Resource;
  item: KubeObject;
}

/** All or, as far as a dry run can tell, none. */
export async function submit(text: string, namespace: string): Promise<Made[]> {
  const wanted = await Promise.all(drafts(text).map(async (each) => ({ each, of: await kindOf(each) })));
  const placed = wanted.map(({ each, of }) => ({ of, each, path: collection(of, each.metadata.namespace ?? namespace) }));
  for (const { each, path } of placed) await create(`${path}?dryRun=All`, each);
  const made: Made[] = [];
  for (const { of, each, path } of placed) made.push({ of, item: await create<KubeObject>(path, each) });
  return made;
}
