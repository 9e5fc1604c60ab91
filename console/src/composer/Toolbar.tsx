/** Above the drawing: where one is in it, what can be done with what is chosen. */

import { useReactFlow } from "@xyflow/react";
import { useState } from "react";
import {
  AlignCenterHorizontal, AlignCenterVertical, AlignEndHorizontal, AlignEndVertical, AlignHorizontalSpaceBetween, AlignStartHorizontal, AlignStartVertical,
  AlignVerticalSpaceBetween, GitBranch, Group, List, LogOut, type LucideIcon, Maximize, Minus, Network, PanelLeft, PanelRight, Plus, Redo2, Repeat, StickyNote, Undo2, Ungroup, WandSparkles,
} from "lucide-react";
import { IconButton } from "../ui/Button";
import { Menu } from "../ui/Menu";
import { Chooser } from "./Chooser";
import type { View } from "./Desk";
import { addChoices } from "./choices";
import type { Way } from "./document/language";
import { FIT } from "./canvas/view";
import { type How, least } from "./canvas/align";
import { type Arranging, WAYS } from "./desk/arranging";
import type { Gestures } from "./desk/gestures";
import type { Open } from "./desk/panes";
import { current } from "./history";
import { node } from "./model";
import { useStudioHere } from "./studio";

const PICTURES: Record<How, LucideIcon> = {
  left: AlignStartVertical, centre: AlignCenterVertical, right: AlignEndVertical, top: AlignStartHorizontal, middle: AlignCenterHorizontal,
  bottom: AlignEndHorizontal, across: AlignHorizontalSpaceBetween, down: AlignVerticalSpaceBetween,
};

interface Props {
  view: View;
  onView: (view: View) => void;
  chosen: string[];
  gestures: Gestures;
  arranging: Arranging;
  onRunTo: (id: string, how: "to" | "again") => void;
  shelf: Open;
  side: Open;
}

export function Toolbar(props: Props) {
  const { view, onView, gestures, arranging, shelf, side } = props;
  const { graph, language } = useStudioHere();
  return (
    <div className="toolbar" role="toolbar" aria-label="Drawing">
      <IconButton label="Components" Icon={PanelLeft} aria-pressed={shelf.open} onClick={() => shelf.set(!shelf.open)} />
      <span className="toolbar-gap" />
      <Undoing />
      <span className="toolbar-gap" />
      <IconButton label={props.chosen.length > 1 ? "Arrange the chosen steps" : "Arrange"} Icon={WandSparkles} disabled={graph.nodes.length < 2} onClick={arranging.tidy} />
      <Rows {...props} />
      <IconButton label="Add a note" Icon={StickyNote} disabled={!language} onClick={gestures.note} />
      {language?.grouping ? <Grouping {...props} /> : null}
      {language?.running ? <Parts {...props} /> : null}
      <Documents />
      <Trail />
      <span className="toolbar-end">
        {view === "canvas" ? <Zoom /> : null}
        <Views view={view} onView={onView} />
        <IconButton label="Details" Icon={PanelRight} aria-pressed={side.open} onClick={() => side.set(!side.open)} />
      </span>
    </div>
  );
}

function Rows({ chosen, arranging }: Props) {
  const items = WAYS.map(({ how, label, keys }) => ({ label, keys, Icon: PICTURES[how], disabled: chosen.length < least(how), onSelect: () => arranging.align(how) }));
  return <Menu label="Align the chosen steps" text="Align" items={items} />;
}

function Undoing() {
  const { history, undo, redo } = useStudioHere();
  const last = current(history).label;
  const ahead = history.entries[history.now + 1]?.label;
  return (
    <>
      <IconButton label={last ? `Undo: ${last}` : "Undo"} Icon={Undo2} disabled={history.now === 0} onClick={undo} />
      <IconButton label={ahead ? `Redo: ${ahead}` : "Redo"} Icon={Redo2} disabled={ahead === undefined} onClick={redo} />
    </>
  );
}

function only({ chosen }: Props): string | undefined {
  return chosen.length === 1 ? chosen[0] : undefined;
}

function Grouping(props: Props) {
  const { graph, language } = useStudioHere();
  const word = language?.grouping?.word ?? "template";
  const { chosen, gestures } = props;
  const one = only(props);
  const opens = one && node(graph, one)?.opens;
  return (
    <>
      <IconButton label={`Put the chosen steps into a ${word} (Ctrl G)`} Icon={Group} disabled={chosen.length === 0} onClick={gestures.collapse} />
      <IconButton label={`Take the steps out of the ${word}`} Icon={Ungroup} disabled={!opens} onClick={() => one && gestures.expand(one)} />
      <Ways {...props} />
    </>
  );
}

/** What else steps can be put into; one of them may ask for a step more. */
function Ways({ chosen, gestures }: Props) {
  const { language, graph, components } = useStudioHere();
  const [asking, ask] = useState<Way | null>(null);
  const ways = language?.grouping?.ways;
  if (!ways) return null;
  const items = ways.map((way) => ({ label: way.label, Icon: IN[way.icon], disabled: chosen.length === 0, onSelect: () => (way.asks ? ask(way) : gestures.wrap(way)) }));
  const here = graph.nodes.filter((each) => !each.border && !chosen.includes(each.id));
  return (
    <>
      <Menu label="Put into" text="Put into" items={items} />
      {asking ? (
        <Chooser
          title={asking.asks ?? ""}
          none="Nothing of that name."
          choices={[
            ...here.map((each) => ({ key: each.id, label: each.title, icon: each.icon, group: "In the drawing", onChoose: () => gestures.wrap(asking, each.id) })),
            ...addChoices(components, (component) => gestures.wrap(asking, component)),
          ]}
          onClose={() => ask(null)}
        />
      ) : null}
    </>
  );
}

const IN: Record<Way["icon"], LucideIcon> = { loop: Repeat, condition: GitBranch, exit: LogOut };

function Parts(props: Props) {
  const one = only(props);
  const run = (how: "to" | "again") => () => one && props.onRunTo(one, how);
  return (
    <Menu
      label="Run a part"
      text="Run a part"
      items={[
        { label: "Run to here", disabled: !one, onSelect: run("to") },
        { label: "Run again from here", disabled: !one, onSelect: run("again") },
      ]}
    />
  );
}

/** Those that can be drawn: what else stands in the file goes along with them. */
function Documents() {
  const { documents, at, choose } = useStudioHere();
  if (documents.filter((each) => each.kind !== undefined || each.root !== undefined).length < 2) return null;
  return (
    <select aria-label="Document of this file" value={at} onChange={(e) => choose(Number(e.target.value))}>
      {documents.map((each, i) => (
        <option key={i} value={i}>
          {i + 1}: {String(each.kind)} {String((each.metadata as { name?: string } | undefined)?.name ?? "")}
        </option>
      ))}
    </select>
  );
}

function Trail() {
  const { trail, close, scopes } = useStudioHere();
  const word = (scope: string) => scopes.find((each) => each.name === scope)?.word ?? scope;
  return (
    <nav aria-label="Opened templates" className="trail">
      {trail.length > 1
        ? trail.map((scope, i) => (
            <button key={`${i} ${scope}`} type="button" className="link" disabled={i === trail.length - 1} onClick={() => close(i + 1)}>
              {word(scope)}
            </button>
          ))
        : null}
    </nav>
  );
}

function Zoom() {
  const flow = useReactFlow();
  return (
    <>
      <IconButton label="Smaller" Icon={Minus} onClick={() => void flow.zoomOut()} />
      <IconButton label="Larger" Icon={Plus} onClick={() => void flow.zoomIn()} />
      <IconButton label="Show everything" Icon={Maximize} onClick={() => void flow.fitView(FIT)} />
    </>
  );
}

function Views({ view, onView }: Pick<Props, "view" | "onView">) {
  return (
    <span className="segments small" role="group" aria-label="Show as">
      <button type="button" aria-pressed={view === "canvas"} aria-label="Drawing" title="Drawing" onClick={() => onView("canvas")}>
        <Network size={15} aria-hidden />
      </button>
      <button type="button" aria-pressed={view === "list"} aria-label="List" title="List" onClick={() => onView("list")}>
        <List size={15} aria-hidden />
      </button>
    </span>
  );
}
