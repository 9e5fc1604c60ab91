/** Steps by the clipboard, and into drawings of their own. */

import type { Way } from "../document/language";
import { move } from "../document/layout";
import type { Component, Place } from "../model";
import { useStudioHere } from "../studio";
import type { Drawing } from "./drawing";

export interface Copying {
  /** The chosen steps as text. */
  copied(): string | undefined;
  paste(text: string): void;
  collapse(): void;
  expand(id: string): void;
  /** The chosen steps go into something, with one more where it asks for one. */
  wrap(way: Way, more?: string | Component): void;
}

export function useCopying({ chosen, spot, places }: Drawing): Copying {
  const { source, scope, language, change, select } = useStudioHere();
  return {
    copied: () => (chosen.length && source ? language?.copied(source, scope, chosen) : undefined),
    paste: (text) => {
      const names = change("Paste", (doc) => language?.pasted(doc, scope, text, spot()));
      if (names?.length) select(names);
    },
    collapse: () => {
      if (chosen.length === 0) return;
      const name = change(`Put ${chosen.length} steps into a ${language?.grouping?.word}`, (doc) => language?.grouping?.collapse(doc, scope, chosen));
      if (name) select([name]);
    },
    wrap: (way, more) => {
      const name = change(`Put into a ${way.label.toLowerCase()}`, (doc) => {
        const made = way.does(doc, scope, chosen, more);
        move(doc, scope, stoodIn(places, chosen, made));
        return made;
      });
      if (name) select([name]);
    },
    expand: (id) => change(`Expand ${id}`, (doc) => language?.grouping?.expand(doc, scope, id)),
  };
}

/** What stands for some steps lies where they lay; what lies elsewhere stays there. */
function stoodIn(places: ReadonlyMap<string, Place>, gone: readonly string[], name: string): Map<string, Place> {
  const found = new Map([...places].filter(([id]) => !gone.includes(id) || id.startsWith(":")));
  const were = gone.filter((id) => !id.startsWith(":")).flatMap((id) => places.get(id) ?? []);
  if (were.length) found.set(name, { x: Math.min(...were.map((at) => at.x)), y: Math.min(...were.map((at) => at.y)) });
  return found;
}
