/** Steps by the clipboard, and into drawings of their own. */

import { useStudioHere } from "../studio";
import type { Drawing } from "./drawing";

export interface Copying {
  /** The chosen steps as text. */
  copied(): string | undefined;
  paste(text: string): void;
  collapse(): void;
  expand(id: string): void;
}

export function useCopying({ chosen, spot }: Drawing): Copying {
  const { source, scope, language, change, select } = useStudioHere();
  return {
    copied: () => (chosen.length && source ? language?.copied(source, scope, chosen) : undefined),
    paste: (text) => {
      const names = change("Paste", (doc) => language?.pasted(doc, scope, text, spot()));
      if (names?.length) select(names);
    },
    collapse: () => {
      if (chosen.length === 0) return;
      const name = change(`Put ${chosen.length} steps into a template`, (doc) => language?.grouping?.collapse(doc, scope, chosen));
      if (name) select([name]);
    },
    expand: (id) => change(`Expand ${id}`, (doc) => language?.grouping?.expand(doc, scope, id)),
  };
}
