/** The keys of the composer, as gestures of this drawing. */

import { notify } from "../../ui/toasts";
import type { Hands } from "../keys";
import type { Studio } from "../studio";
import type { Asking } from "./Questions";
import { type Arranging, WAYS } from "./arranging";
import type { Drawing } from "./drawing";
import type { Gestures } from "./gestures";
import { startOf } from "./lines";

interface Means {
  studio: Studio;
  drawing: Drawing;
  gestures: Gestures;
  arranging: Arranging;
  walk: (key: string, extend: boolean) => void;
  ask: (asking: Asking) => void;
  edit: () => void;
  save: () => void;
}

export function handsOf({ studio, drawing, gestures, arranging, walk, ask, edit, save }: Means): Hands {
  const { graph, select } = studio;
  const { one, chosen } = drawing;
  return {
    arrow: walk,
    add: () => ask({ what: "add" }),
    connect: () => (one ? ask({ what: "line", start: startOf(graph, one) }) : notify("Choose a step first, then c connects it")),
    edit,
    remove: gestures.remove,
    undo: studio.undo,
    redo: studio.redo,
    save,
    all: () => select(graph.nodes.map((each) => each.id)),
    duplicate: () => {
      const text = gestures.copied();
      if (text) gestures.paste(text);
    },
    collapse: gestures.collapse,
    tidy: arranging.tidy,
    line: () => ask({ what: "align" }),
    align: (code) => {
      const way = WAYS.find((each) => each.code === code);
      if (way) arranging.align(way.how);
      return way !== undefined;
    },
    leave: () => leave(studio),
    copy: (data) => {
      const text = gestures.copied();
      if (!text) return false;
      data.setData("text/plain", text);
      notify(chosen.length === 1 ? `${chosen[0]} copied` : `${chosen.length} steps copied`);
      return true;
    },
    paste: gestures.paste,
  };
}

/** First the choice goes, then the opened template. */
function leave({ selection, select, trail, close }: Studio): void {
  if (selection.nodes.size || selection.edge) select([]);
  else if (trail.length > 1) close(trail.length - 1);
}
