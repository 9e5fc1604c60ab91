/** A graph of thousands of boxes, drawn on a canvas; moved with the mouse, the wheel and the keys. */

import { Maximize, Minus, Plus } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { useDark } from "../app/theme";
import { word } from "../ui/Mark";
import { IconButton } from "../ui/Button";
import type { Picture } from "./graph";
import { Stage } from "./stage";

interface Props {
  drawn: Picture;
  selected: string | undefined;
  onSelect: (id: string) => void;
}

export function BigGraph({ drawn, selected, onSelect }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const stage = useRef<Stage | null>(null);
  const latest = useRef(onSelect);
  latest.current = onSelect;
  const [told, tell] = useState("");
  const dark = useDark();
  useEffect(() => {
    if (!canvas.current) return;
    const made = new Stage(canvas.current, (id) => latest.current(id), tell);
    stage.current = made;
    return () => made.close();
  }, []);
  useEffect(() => stage.current?.recolour(dark), [dark]);
  useEffect(() => stage.current?.show(drawn), [drawn]);
  useEffect(() => stage.current?.select(selected), [selected]);
  const named = drawn.boxes.find((box) => box.id === selected);
  return (
    <div className="big-graph">
      <div
        className="big-graph-plane"
        tabIndex={0}
        role="application"
        aria-label={`Graph of ${drawn.boxes.length} steps. Arrow keys go along it, plus and minus zoom, 0 shows all. The same steps are a table under Steps.`}
        onKeyDown={(event) => stage.current?.press(event.nativeEvent)}
      >
        <canvas ref={canvas} />
      </div>
      <p className="hidden" role="status">
        {named ? `${named.label}: ${word(named.phase)}` : ""}
      </p>
      {told ? <p className="big-graph-tip">{told}</p> : null}
      <div className="big-graph-tools">
        <IconButton label="Zoom in" Icon={Plus} onClick={() => stage.current?.zoom(1.4)} />
        <IconButton label="Zoom out" Icon={Minus} onClick={() => stage.current?.zoom(1 / 1.4)} />
        <IconButton label="Show all" Icon={Maximize} onClick={() => stage.current?.fit()} />
      </div>
    </div>
  );
}
