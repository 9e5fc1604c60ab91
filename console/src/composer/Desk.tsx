/** One document on the desk: palette, drawing or list, and beside it the chosen step, the text, what is to be mended. */

import { ReactFlowProvider, useReactFlow } from "@xyflow/react";
import { type DragEvent, useCallback, useRef, useState } from "react";
import type { NodeStatus } from "../api/types";
import { complain, notify } from "../ui/toasts";
import { Chooser } from "./Chooser";
import { Outline } from "./Outline";
import { Shelf } from "./Shelf";
import { SidePane } from "./SidePane";
import { Toolbar } from "./Toolbar";
import { type Asked, Canvas, FIT } from "./canvas/Canvas";
import { arrange, clear, next } from "./canvas/place";
import { size } from "./canvas/rows";
import { addChoices, askChoices } from "./choices";
import { move, setNotes } from "./document/layout";
import { collapse, expand } from "./document/workflow/group";
import { useFindings } from "./findings";
import type { Start } from "./fitting";
import { useKeys } from "./keys";
import type { Component, Place } from "./model";
import { useStudioHere } from "./studio";

export type View = "canvas" | "list";
export type Pane = "run" | "step" | "text" | "findings";

interface Props {
  namespace: string;
  view: View;
  onView: (view: View) => void;
  pane: Pane;
  onPane: (pane: Pane) => void;
  statuses: ReadonlyMap<string, NodeStatus>;
  /** What is shown of the chosen step of a run, instead of its form. */
  ran: (id: string) => React.ReactNode;
  running: boolean;
  onSave: () => void;
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

type Asking = { what: "add" } | ({ what: "line" } & Partial<Asked> & { start: Start });

function Inner(props: Props) {
  const { namespace, view, onView, pane, onPane, statuses, onSave } = props;
  const studio = useStudioHere();
  const { graph, scope, language, change, select, selection } = studio;
  const flow = useReactFlow();
  const [places, setPlaces] = useState<ReadonlyMap<string, Place>>(new Map());
  const [asking, setAsking] = useState<Asking | null>(null);
  const drawing = useRef<HTMLDivElement>(null);
  const [shelf, setShelf] = useKept("shelf");
  const [side, setSide] = useKept("side");
  const { findings, faulty } = useFindings(studio, namespace);
  const chosen = [...selection.nodes].filter((id) => graph.nodes.some((each) => each.id === id));
  const one = chosen.length === 1 ? chosen[0] : undefined;
  const focus = () => drawing.current?.focus({ preventScroll: true });

  /** Where a newcomer lies that nobody has put anywhere. */
  const spot = useCallback((): Place => {
    const beside = one === undefined ? undefined : places.get(one);
    const box = drawing.current?.getBoundingClientRect();
    const middle = box ? flow.screenToFlowPosition({ x: box.x + box.width / 2 - 110, y: box.y + box.height / 2 - 40 }) : { x: 0, y: 0 };
    return clear(beside ? { x: beside.x + 300, y: beside.y } : middle, 90, graph, places);
  }, [one, places, graph, flow]);

  const add = useCallback(
    (component: Component, at: Place = spot(), start?: Start, port = "") => {
      const made = change(`Add ${component.title}`, (doc) => {
        if (!language) return undefined;
        const { id, scope: inside } = language.add(doc, scope, component);
        move(doc, inside, new Map([...(inside === scope ? places : []), [id, at]]));
        if (start) {
          const here = { node: id, port };
          const [from, to] = start.side === "outputs" ? [start, here] : [here, start];
          const output = start.side === "outputs" ? graph.nodes.find((n) => n.id === start.node)?.ports.outputs.find((p) => p.name === start.port) : component.ports.outputs.find((p) => p.name === port);
          language.connect(doc, inside, from, to, output && to.port ? output.kind : "order");
        }
        return id;
      });
      if (made) select([made]);
      return made;
    },
    [change, language, scope, places, graph, select, spot],
  );

  const remove = useCallback(() => {
    const edge = graph.edges.find((each) => each.id === selection.edge);
    const notes = [...selection.nodes].filter((id) => id.startsWith("note ")).map((id) => id.slice(5));
    if (edge) change("Disconnect", (doc) => language?.disconnect(doc, scope, edge));
    else if (chosen.length + notes.length)
      change(`Delete ${chosen.join(", ") || "a note"}`, (doc) => {
        if (chosen.length) language?.remove(doc, scope, chosen);
        if (notes.length) setNotes(doc, scope, graph.notes.filter((each) => !notes.includes(each.id)));
      });
    select([]);
  }, [graph, selection, chosen, change, language, scope, select]);

  function paste(text: string): void {
    const names = change("Paste", (doc) => language?.pasted(doc, scope, text, spot()));
    if (names?.length) select(names);
  }

  function toGroup(): void {
    if (!language?.shared || chosen.length === 0) return;
    const name = change(`Put ${chosen.length} steps into a template`, (doc) => collapse(doc, scope, chosen));
    if (name) select([name]);
  }

  async function tidy(): Promise<void> {
    const found = await arrange(graph);
    change("Arrange", (doc) => move(doc, scope, found));
    requestAnimationFrame(() => void flow.fitView({ ...FIT, duration: 200 }));
  }

  function step(key: string, extend: boolean): void {
    const from = one ?? [...selection.nodes].at(-1) ?? "";
    const to = next(graph, places, from, key);
    if (!to) return;
    select(extend ? [...selection.nodes, to] : [to]);
    const place = places.get(to);
    const node = graph.nodes.find((each) => each.id === to);
    if (place && node && !seen(to)) void flow.setCenter(place.x + size(graph, node).width / 2, place.y + 40, { zoom: flow.getZoom(), duration: 150 });
  }

  useKeys({
    arrow: step,
    add: () => setAsking({ what: "add" }),
    connect: () => (one ? setAsking({ what: "line", start: startOf(one) }) : notify("Choose a step first, then c connects it")),
    edit: () => {
      onPane("step");
      setSide(true);
      requestAnimationFrame(() => document.querySelector<HTMLElement>(".side-pane .form input, .side-pane .form select")?.focus());
    },
    remove,
    undo: studio.undo,
    redo: studio.redo,
    save: onSave,
    all: () => select(graph.nodes.map((each) => each.id)),
    duplicate: () => {
      if (chosen.length && language && studio.source) paste(language.copied(studio.source, scope, chosen));
    },
    collapse: toGroup,
    leave: () => (selection.nodes.size || selection.edge ? select([]) : studio.trail.length > 1 && studio.close(studio.trail.length - 1)),
    copy: (data) => {
      if (!chosen.length || !language || !studio.source) return false;
      data.setData("text/plain", language.copied(studio.source, scope, chosen));
      notify(chosen.length === 1 ? `${chosen[0]} copied` : `${chosen.length} steps copied`);
      return true;
    },
    paste,
  });

  /** The best output that nobody uses yet; with none, order. */
  function startOf(id: string): Start {
    const outputs = graph.nodes.find((each) => each.id === id)?.ports.outputs.filter((each) => each.name !== "result") ?? [];
    const idle = outputs.find((port) => !graph.edges.some((each) => each.from.node === id && each.from.port === port.name)) ?? outputs[0];
    return { node: id, port: idle?.name ?? "", side: "outputs" };
  }

  const join = (from: { node: string; port: string }, to: { node: string; port: string }) => {
    const port = graph.nodes.find((each) => each.id === from.node)?.ports.outputs.find((each) => each.name === from.port);
    const kind = port && to.port ? port.kind : "order";
    const done = change(`Connect ${from.node} to ${to.node}`, (doc) => {
      language?.connect(doc, scope, from, to, kind);
      return true;
    });
    if (done) select([to.node], null);
  };

  return (
    <div className="desk">
      <Toolbar
        view={view}
        onView={onView}
        chosen={chosen}
        onTidy={() => void tidy().catch(complain)}
        onCollapse={toGroup}
        onExpand={(id) => change(`Expand ${id}`, (doc) => expand(doc, scope, id))}
        onNote={() => change("Add a note", (doc) => setNotes(doc, scope, [...graph.notes, { id: crypto.randomUUID().slice(0, 6), text: "", place: spot() }]))}
        onRunTo={props.onRunTo}
        shelf={shelf}
        onShelf={setShelf}
        side={side}
        onSide={setSide}
      />
      <div className={`desk-body ${shelf && studio.components.length ? "" : "no-shelf"} ${side ? "" : "no-side"}`}>
        {shelf && studio.components.length ? <Shelf onAdd={(component) => add(component)} /> : null}
        <div
          ref={drawing}
          className="drawing"
          data-drawing
          tabIndex={0}
          role="group"
          aria-label="Drawing: arrow keys go from step to step, a adds one, c connects it, ? tells all keys"
          onDragOver={(e) => e.preventDefault()}
          onDrop={(e) => void dropped(e, props.onFile)}
        >
          {view === "canvas" ? (
            <Canvas
              places={places}
              setPlaces={setPlaces}
              statuses={statuses}
              findings={faulty}
              onAsk={(asked) => setAsking({ what: "line", ...asked })}
              onAdd={(component, at) => {
                add(component, at);
                focus();
              }}
            />
          ) : (
            <Outline
              statuses={statuses}
              findings={faulty}
              onAdd={() => setAsking({ what: "add" })}
              onConnect={(id) => setAsking({ what: "line", start: startOf(id) })}
              onRemove={(id) => change(`Delete ${id}`, (doc) => language?.remove(doc, scope, [id]))}
            />
          )}
          <p role="status" className="hidden">
            {one ? sayChosen(studio, one) : ""}
          </p>
        </div>
        {side ? <SidePane
          pane={pane}
          onPane={onPane}
          findings={findings}
          faulty={faulty}
          chosen={one}
          ran={props.ran}
          running={props.running}
          onConnect={(start) => setAsking({ what: "line", start })}
          onRemove={remove}
        /> : null}
      </div>
      {asking?.what === "add" ? (
        <Chooser title="Add a step" none="No component of that name." choices={addChoices(studio.components, (c) => add(c))} onClose={() => done(setAsking, focus)} />
      ) : null}
      {asking?.what === "line" ? (
        <Chooser
          title={asking.start.port ? `Connect ${asking.start.port} of ${asking.start.node}` : `What comes after ${asking.start.node}`}
          at={asking.at}
          none="Nothing fits."
          choices={askChoices(graph, studio.components, asking, join, (component, port) => add(component, asking.place ?? spot(), asking.start, port))}
          onClose={() => done(setAsking, focus)}
        />
      ) : null}
    </div>
  );
}

function done(set: (asking: null) => void, focus: () => void): void {
  set(null);
  requestAnimationFrame(focus);
}

function seen(id: string): boolean {
  const box = document.querySelector(`.react-flow__node[data-id="${CSS.escape(id)}"]`)?.getBoundingClientRect();
  const around = document.querySelector(".drawing")?.getBoundingClientRect();
  return Boolean(box && around && box.left >= around.left && box.right <= around.right && box.top >= around.top && box.bottom <= around.bottom);
}

function sayChosen({ graph }: ReturnType<typeof useStudioHere>, id: string): string {
  const node = graph.nodes.find((each) => each.id === id);
  const after = graph.edges.filter((each) => each.to.node === id).map((each) => each.from.node);
  return node ? `${node.id}, ${node.detail}${after.length ? `, after ${[...new Set(after)].join(", ")}` : ""}` : "";
}

async function dropped(event: DragEvent, onFile: (text: string) => void): Promise<void> {
  const file = event.dataTransfer.files[0];
  if (!file) return;
  event.preventDefault();
  onFile(await file.text());
}

/** Whether a pane is open: this browser's habit. */
function useKept(pane: string): [boolean, (open: boolean) => void] {
  const key = `pinnace.composer.${pane}`;
  const [open, setOpen] = useState(() => localStorage.getItem(key) !== "closed");
  return [
    open,
    (next) => {
      localStorage.setItem(key, next ? "open" : "closed");
      setOpen(next);
    },
  ];
}
