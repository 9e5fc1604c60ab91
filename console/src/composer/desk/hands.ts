/** The keys of the composer, as gestures of this drawing. */

import type { useReactFlow } from "@xyflow/react";
import { notify } from "../../ui/toasts";
import { FIT } from "../canvas/view";
import type { Hands } from "../keys";
import { type Graph, node } from "../model";
import type { Studio } from "../studio";
import type { Asking } from "./Questions";
import { type Arranging, WAYS } from "./arranging";
import type { Drawing } from "./drawing";
import type { Gestures } from "./gestures";
import { inputOf, startOf } from "./lines";
import { nextPart } from "./parts";

export interface Means {
  studio: Studio;
  drawing: Drawing;
  gestures: Gestures;
  arranging: Arranging;
  flow: ReturnType<typeof useReactFlow>;
  walk: (key: string, extend: boolean) => void;
  ask: (asking: Asking) => void;
  edit: () => void;
  save: () => void;
  run: () => void;
}

export function handsOf(means: Means): Hands {
  const { studio, drawing, gestures, arranging } = means;
  return {
    ...joining(means),
    ...looking(means),
    add: () => means.ask({ what: "add" }),
    nudge: (event) => arranging.nudge(event.key, event.shiftKey),
    edit: means.edit,
    note: gestures.note,
    remove: gestures.remove,
    undo: studio.undo,
    redo: studio.redo,
    save: means.save,
    run: means.run,
    all: () => studio.select(studio.graph.nodes.map((each) => each.id)),
    duplicate: () => {
      const text = gestures.copied();
      if (text) gestures.paste(text);
    },
    collapse: gestures.collapse,
    expand: () => (drawing.one ? gestures.expand(drawing.one) : undefined),
    tidy: arranging.tidy,
    row: () => means.ask({ what: "align" }),
    align: ({ code, shiftKey }) => {
      const way = WAYS.find((each) => each.code === (shiftKey ? `Shift ${code}` : code));
      if (way) arranging.align(way.how);
    },
    copy: (data) => copy(means, data),
    paste: gestures.paste,
  };
}

function joining({ studio, drawing: { one }, ask }: Means): Pick<Hands, "connect" | "supply" | "line"> {
  const { graph, select, selection } = studio;
  return {
    connect: () => (one ? ask({ what: "line", start: startOf(graph, one) }) : notify("Choose a step first, then c connects it")),
    supply: () => {
      const start = one === undefined ? undefined : inputOf(graph, one);
      if (start) ask({ what: "line", start });
      else notify(one === undefined ? "Choose a step first, then Shift c connects what it needs" : `${one} takes nothing in`);
    },
    line: ({ shiftKey }) => {
      const next = nextEdge(graph, selection.edge, one, shiftKey ? -1 : 1);
      if (next) select([], next);
      else notify("There is no line yet");
    },
  };
}

/** From the chosen line to the next; from a step to the first that begins or ends there. */
function nextEdge({ edges }: Graph, chosen: string | null, one: string | undefined, step: 1 | -1): string | undefined {
  const here = edges.findIndex((each) => each.id === chosen);
  if (here >= 0) return edges[(here + step + edges.length) % edges.length]?.id;
  const own = edges.find(({ from }) => from.node === one) ?? edges.find(({ to }) => to.node === one);
  return (own ?? edges[0])?.id;
}

function looking({ studio, drawing: { one }, flow, walk }: Means): Pick<Hands, "walk" | "enter" | "leave" | "zoom" | "pane"> {
  return {
    walk: ({ key, shiftKey }) => walk(key, shiftKey),
    enter: () => {
      const opens = one && node(studio.graph, one)?.opens;
      if (opens) studio.open(opens);
      else notify(one ? `${one} has no drawing of its own` : "Choose a step first, then o opens it");
    },
    leave: () => leave(studio),
    zoom: ({ key }) => {
      void (key === "0" ? flow.fitView(FIT) : key === "-" ? flow.zoomOut() : flow.zoomIn());
    },
    pane: ({ shiftKey }) => nextPart(shiftKey ? -1 : 1),
  };
}

function copy({ gestures, drawing: { chosen } }: Means, data: DataTransfer): boolean {
  const text = gestures.copied();
  if (!text) return false;
  data.setData("text/plain", text);
  notify(chosen.length === 1 ? `${chosen[0]} copied` : `${chosen.length} steps copied`);
  return true;
}

/** First the choice goes, then the opened template. */
function leave({ selection, select, trail, close }: Studio): void {
  if (selection.nodes.size || selection.edge) select([]);
  else if (trail.length > 1) close(trail.length - 1);
}
