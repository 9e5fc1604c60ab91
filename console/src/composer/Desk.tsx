/** One document on the desk: palette, drawing or list, and beside it the chosen step, the text, what is to be mended. */

import { ReactFlowProvider, useReactFlow } from "@xyflow/react";
import { type DragEvent, type ReactNode, useEffect, useState } from "react";
import type { NodeStatus } from "../api/types";
import { usePageKeys } from "../app/shortcuts";
import { Outline } from "./Outline";
import { Shelf } from "./Shelf";
import { SidePane } from "./SidePane";
import { Toolbar } from "./Toolbar";
import { Canvas } from "./canvas/Canvas";
import { Blank } from "./desk/Blank";
import { type Asking, Questions } from "./desk/Questions";
import { useArranging } from "./desk/arranging";
import { type Drawing, useDrawing } from "./desk/drawing";
import { type Gestures, useGestures } from "./desk/gestures";
import { handsOf } from "./desk/hands";
import { startOf } from "./desk/lines";
import { usePane } from "./desk/panes";
import { useShown, useWalking } from "./desk/walking";
import { useFindings } from "./findings";
import { KEYS, useKeys } from "./keys";
import { type Finding, node } from "./model";
import { type Studio, useStudioHere } from "./studio";

const FIRST_FIELD = ".side-pane .form :is(input, select, textarea, [data-first])";

export type View = "canvas" | "list";
export type Pane = "run" | "step" | "text" | "findings";

/** What runs of the drawing: a run, or what is served. */
export interface Live {
  label: string;
  /** Of the chosen node, or of all. */
  content: (id: string | undefined) => ReactNode;
}

interface Props {
  namespace: string;
  view: View;
  onView: (view: View) => void;
  pane: Pane;
  onPane: (pane: Pane) => void;
  statuses: ReadonlyMap<string, NodeStatus>;
  /** Edges that the request took which is shown. */
  taken: ReadonlySet<string>;
  /** What is shown of the chosen step of what runs, instead of its form; null: nothing runs. */
  live: Live | null;
  onSave: () => void;
  onRun: () => void;
  onRunTo: (id: string, how: "to" | "again") => void;
  onFile: (text: string) => void;
}

export function Desk(props: Props) {
  return (
    <ReactFlowProvider>
      <Inner {...props} />
    </ReactFlowProvider>
  );
}

function Inner(props: Props) {
  const studio = useStudioHere();
  const drawing = useDrawing();
  const [asking, ask] = useState<Asking | null>(null);
  const gestures = useGestures(drawing, ask);
  const arranging = useArranging(drawing);
  const [shelf, side] = [usePane("shelf"), usePane("side")];
  const { findings, faulty } = useFindings(studio, props.namespace);
  const walk = useWalking(drawing);
  const flow = useReactFlow();
  const edit = () => {
    props.onPane("step");
    side.set(true);
    requestAnimationFrame(() => document.querySelector<HTMLElement>(FIRST_FIELD)?.focus());
  };
  useKeys(handsOf({ studio, drawing, gestures, arranging, flow, walk, ask, edit, save: props.onSave, run: props.onRun }));
  useOpened(drawing);
  useShown(drawing);
  const shelved = shelf.open && (studio.components.length > 0 || studio.language?.loads === true);
  return (
    <div className="desk">
      <Toolbar view={props.view} onView={props.onView} chosen={drawing.chosen} gestures={gestures} arranging={arranging} onRunTo={props.onRunTo} shelf={shelf} side={side} />
      <div className={`desk-body ${shelved ? "" : "no-shelf"} ${side.open ? "" : "no-side"}`}>
        {shelved ? <Shelf onAdd={(component) => gestures.add(component)} /> : null}
        <Sheet {...props} drawing={drawing} gestures={gestures} faulty={faulty} ask={ask} />
        {side.open ? (
          <SidePane
            {...props}
            findings={findings}
            faulty={faulty}
            chosen={drawing.one}
            onConnect={(start) => ask({ what: "line", start })}
            onRemove={gestures.remove}
          />
        ) : null}
      </div>
      {asking ? <Questions asking={asking} drawing={drawing} gestures={gestures} arranging={arranging} ask={ask} onClose={() => closed(ask, drawing)} /> : null}
    </div>
  );
}

/** The keys are heard from the first moment on, and `?` tells them. */
function useOpened({ focus }: Drawing): void {
  usePageKeys("Composer", KEYS);
  // biome-ignore lint/correctness/useExhaustiveDependencies: once, when it opens
  useEffect(() => {
    if (document.activeElement === document.body) focus();
  }, []);
}

interface SheetProps extends Props {
  drawing: Drawing;
  gestures: Gestures;
  faulty: ReadonlyMap<string, Finding[]>;
  ask: (asking: Asking) => void;
}

/** The drawing, on a canvas or as a list: here the keys are heard, and files may be dropped. */
function Sheet(props: SheetProps) {
  const { drawing, view } = props;
  const studio = useStudioHere();
  return (
    <div
      ref={drawing.ref}
      className="drawing"
      data-drawing
      tabIndex={0}
      role="group"
      aria-label="Drawing: arrow keys go from step to step, a adds one, c connects it, ? tells all keys"
      onDragOver={(e) => e.preventDefault()}
      onDrop={(e) => void dropped(e, props.onFile)}
    >
      {view === "canvas" ? <OnCanvas {...props} /> : <AsList {...props} />}
      <Blank />
      <p role="status" className="hidden">
        {sayChosen(studio, drawing)}
      </p>
    </div>
  );
}

function OnCanvas({ drawing, gestures, statuses, taken, faulty, ask }: SheetProps) {
  return (
    <Canvas
      places={drawing.places}
      setPlaces={drawing.setPlaces}
      statuses={statuses}
      taken={taken}
      findings={faulty}
      joining={{ join: gestures.join, rejoin: gestures.rejoin, ask: (asked) => ask({ what: "line", ...asked }) }}
      onAdd={(component, at, into) => {
        if (into === null) gestures.add(component, at);
        else gestures.addInto(component, into, at);
        drawing.focus();
      }}
      onSplice={gestures.putInto}
    />
  );
}

function AsList({ gestures, statuses, faulty, ask }: SheetProps) {
  const { graph } = useStudioHere();
  return (
    <Outline
      statuses={statuses}
      findings={faulty}
      onAdd={() => ask({ what: "add" })}
      onConnect={(id) => ask({ what: "line", start: startOf(graph, id) })}
      onRemove={gestures.removeStep}
    />
  );
}

function closed(ask: (asking: null) => void, { focus }: Drawing): void {
  ask(null);
  requestAnimationFrame(() => {
    // One question may have led to another.
    if (!document.querySelector("[role=dialog]")) focus();
  });
}

/** For who does not see it. */
function sayChosen({ graph, selection }: Studio, { one, chosen }: Drawing): string {
  const edge = graph.edges.find((each) => each.id === selection.edge);
  if (edge) return `Line from ${[edge.from.port, edge.from.node].filter(Boolean).join(" of ")} to ${[edge.to.port, edge.to.node].filter(Boolean).join(" of ")}`;
  const step = one === undefined ? undefined : node(graph, one);
  if (!step) return chosen.length ? `${chosen.length} steps are chosen` : "";
  const after = new Set(graph.edges.filter((each) => each.to.node === step.id).map((each) => each.from.node));
  return `${step.id}, ${step.detail}${after.size ? `, after ${[...after].join(", ")}` : ""}`;
}

async function dropped(event: DragEvent, onFile: (text: string) => void): Promise<void> {
  const file = event.dataTransfer.files[0];
  if (!file) return;
  event.preventDefault();
  onFile(await file.text());
}
