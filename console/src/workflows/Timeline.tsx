/** When each step ran: a bar a step, the chain that the run waited for marked. Thousands are drawn a window at a time. */

import { useVirtualizer } from "@tanstack/react-virtual";
import { useMemo, useRef } from "react";
import type { NodeStatus } from "../api/types";
import { Mark, word } from "../ui/Mark";
import { span, useNow } from "../ui/time";
import { type Bar, bars, ticks } from "./story";

const ROW = 30;
const TICKS = 5;

interface Props {
  nodes: Map<string, NodeStatus>;
  running: boolean;
  selected: string | undefined;
  onSelect: (id: string) => void;
}

export function Timeline({ nodes, running, selected, onSelect }: Props) {
  const now = useNow(running);
  const { bars: rows, length } = useMemo(() => bars(nodes, now), [nodes, now]);
  const frame = useRef<HTMLDivElement>(null);
  const window = useVirtualizer({ count: rows.length, getScrollElement: () => frame.current, estimateSize: () => ROW, overscan: 12 });
  if (!rows.length) return <p className="dim timeline-empty">No step has begun yet.</p>;
  return (
    <div className="timeline">
      <div className="timeline-scale" aria-hidden>
        {ticks(length, TICKS).map((at) => (
          <span key={at} style={{ left: `${(100 * at) / length}%` }}>
            {at ? span(at) : "0"}
          </span>
        ))}
        <em>
          <i className="timeline-key" /> what the run waited for
        </em>
      </div>
      <div className="timeline-rows" ref={frame} tabIndex={0} role="region" aria-label="Timeline of the steps">
        <ol style={{ height: window.getTotalSize() }}>
          {window.getVirtualItems().map(({ index, start }) => {
            const bar = rows[index];
            return bar ? <Row key={bar.node.id} bar={bar} length={length} top={start} selected={bar.node.id === selected} onSelect={onSelect} /> : null;
          })}
        </ol>
      </div>
    </div>
  );
}

function Row(props: { bar: Bar; length: number; top: number; selected: boolean; onSelect: (id: string) => void }) {
  const { bar, length, top, selected, onSelect } = props;
  const { node } = bar;
  const left = (100 * bar.from) / length;
  const width = (100 * (bar.to - bar.from)) / length;
  return (
    <li style={{ transform: `translateY(${top}px)` }}>
      <button type="button" className="timeline-row" aria-pressed={selected} onClick={() => onSelect(node.id)}>
        <span className="timeline-name" style={{ paddingLeft: bar.depth * 10 }} title={node.displayName}>
          <Mark phase={node.phase} label={false} /> <span>{node.displayName}</span>
        </span>
        <span className="timeline-track">
          <span
            className={`timeline-bar bar-${word(node.phase).toLowerCase()}${bar.critical ? " timeline-critical" : ""}`}
            style={{ left: `${left}%`, width: `max(${width}%, 3px)` }}
          />
        </span>
        <span className="number dim">{span(bar.to - bar.from)}</span>
        {bar.critical ? <span className="hidden">, the run waited for it</span> : null}
      </button>
    </li>
  );
}
