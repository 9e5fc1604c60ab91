/** Argo's kinds as a language of the composer. */

import { FRESH } from "../../library";
import type { Language } from "../language";
import { copied, pasted } from "./clipboard";
import { add, connect, disconnect, drawable, remove, rename } from "./edit";
import { own, read } from "./read";
import { KINDS, entry, kindOf, templates } from "./shape";

export const language: Language = {
  form: "workflow",
  kinds: KINDS,
  entry,
  scopes: (document) => templates(document).map(({ raw }) => ({ name: String(raw.name), title: `${String(raw.name)} (${kindOf(raw)})` })),
  read,
  own: (document, scope) => [
    ...templates(document)
      .filter(({ raw }) => raw.name !== scope)
      .map(({ raw }) => own(document, raw)),
    ...FRESH,
  ],
  shared: true,
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
};

