/** Above the drawing: where one is in it, what can be done with what is chosen. */

import { useReactFlow } from "@xyflow/react";
import { Group, List, Maximize, Minus, Network, PanelLeft, PanelRight, Plus, Redo2, StickyNote, Undo2, Ungroup, WandSparkles } from "lucide-react";
import { IconButton } from "../ui/Button";
import { Menu } from "../ui/Menu";
import { FIT } from "./canvas/Canvas";
import type { View } from "./Desk";
import { current } from "./history";
import { useStudioHere } from "./studio";

interface Props {
  view: View;
  onView: (view: View) => void;
  chosen: string[];
  onTidy: () => void;
  onCollapse: () => void;
  onExpand: (id: string) => void;
  onNote: () => void;
  onRunTo: (id: string, how: "to" | "again") => void;
  shelf: boolean;
  onShelf: (open: boolean) => void;
  side: boolean;
  onSide: (open: boolean) => void;
}

export function Toolbar({ view, onView, chosen, onTidy, onCollapse, onExpand, onNote, onRunTo, shelf, onShelf, side, onSide }: Props) {
  const { history, undo, redo, graph, language, trail, close, documents, at, choose } = useStudioHere();
  const flow = useReactFlow();
  const one = chosen.length === 1 ? chosen[0] : undefined;
  const opens = graph.nodes.find((each) => each.id === one)?.opens;
  const last = current(history).label;
  const ahead = history.entries[history.now + 1]?.label;
  return (
    <div className="toolbar" role="toolbar" aria-label="Drawing">
      <IconButton label="Components" Icon={PanelLeft} aria-pressed={shelf} onClick={() => onShelf(!shelf)} />
      <span className="toolbar-gap" />
      <IconButton label={last ? `Undo: ${last}` : "Undo"} Icon={Undo2} disabled={history.now === 0} onClick={undo} />
      <IconButton label={ahead ? `Redo: ${ahead}` : "Redo"} Icon={Redo2} disabled={ahead === undefined} onClick={redo} />
      <span className="toolbar-gap" />
      <IconButton label="Arrange" Icon={WandSparkles} disabled={graph.nodes.length < 2} onClick={onTidy} />
      <IconButton label="Add a note" Icon={StickyNote} disabled={!language} onClick={onNote} />
      {language?.shared ? (
        <>
          <IconButton label="Put the chosen steps into a template (Ctrl G)" Icon={Group} disabled={chosen.length === 0} onClick={onCollapse} />
          <IconButton label="Take the steps out of the template" Icon={Ungroup} disabled={!opens} onClick={() => one && onExpand(one)} />
          <Menu
            label="Run a part"
            text="Run a part"
            items={[
              { label: "Run to here", disabled: !one, onSelect: () => one && onRunTo(one, "to") },
              { label: "Run again from here", disabled: !one, onSelect: () => one && onRunTo(one, "again") },
            ]}
          />
        </>
      ) : null}
      {documents.length > 1 ? (
        <select aria-label="Document of this file" value={at} onChange={(e) => choose(Number(e.target.value))}>
          {documents.map((each, i) => (
            <option key={i} value={i}>
              {i + 1}: {String(each.kind)} {String((each.metadata as { name?: string } | undefined)?.name ?? "")}
            </option>
          ))}
        </select>
      ) : null}
      <nav aria-label="Opened templates" className="trail">
        {trail.length > 1
          ? trail.map((scope, i) => (
              <button key={`${i} ${scope}`} type="button" className="link" disabled={i === trail.length - 1} onClick={() => close(i + 1)}>
                {scope}
              </button>
            ))
          : null}
      </nav>
      <span className="toolbar-end">
        {view === "canvas" ? (
          <>
            <IconButton label="Smaller" Icon={Minus} onClick={() => void flow.zoomOut()} />
            <IconButton label="Larger" Icon={Plus} onClick={() => void flow.zoomIn()} />
            <IconButton label="Show everything" Icon={Maximize} onClick={() => void flow.fitView(FIT)} />
          </>
        ) : null}
        <span className="segments small" role="group" aria-label="Show as">
          <button type="button" aria-pressed={view === "canvas"} aria-label="Drawing" title="Drawing" onClick={() => onView("canvas")}>
            <Network size={15} aria-hidden />
          </button>
          <button type="button" aria-pressed={view === "list"} aria-label="List" title="List" onClick={() => onView("list")}>
            <List size={15} aria-hidden />
          </button>
        </span>
        <IconButton label="Details" Icon={PanelRight} aria-pressed={side} onClick={() => onSide(!side)} />
      </span>
    </div>
  );
}
