/** Argo's kinds as a language of the composer. */

import { FRESH } from "../../library";
import { RUNNING } from "../../running";
import type { Language } from "../language";
import { metaTold } from "../told";
import { copied, pasted } from "./clipboard";
import { collapse } from "./collapse";
import { add, connect, disconnect, drawable, remove, rename } from "./edit";
import { expand } from "./expand";
import { given, own, read } from "./read";
import { KINDS, calls, entry, kindOf, template, templates } from "./shape";

export const language: Language = {
  form: "workflow",
  kinds: KINDS,
  told: metaTold,
  entry,
  scopes: (document) => templates(document).map(({ raw }) => ({ name: String(raw.name), title: `${String(raw.name)} (${kindOf(raw)})` })),
  read,
  palette: (document, scope, { library }) => [
    ...library.components,
    ...templates(document)
      .filter(({ raw }) => raw.name !== scope)
      .map(({ raw }) => own(document, raw)),
    ...FRESH,
  ],
  value: (document, scope) => {
    const found = template(document, scope);
    const all = new Map((found ? calls(found) : []).map((call) => [call.name, given(call.raw)]));
    return (node, port) => all.get(node)?.get(port) ?? "";
  },
  add: (document, scope, component, at) => {
    const inside = drawable(document, scope);
    return { scope: inside, id: add(document, inside, component, at) };
  },
  connect,
  disconnect,
  remove,
  rename,
  copied,
  pasted: (document, scope, text, at) => pasted(document, drawable(document, scope), text, at),
  grouping: { word: "template", collapse, expand },
  running: RUNNING,
  kept: "object",
  judged: true,
  exports: [
    { what: "python", label: "Export as Python (Hera)" },
    { what: "bundle", label: "Export as a kustomize bundle" },
    { what: "acumos", label: "Export as Acumos JSON" },
  ],
};
