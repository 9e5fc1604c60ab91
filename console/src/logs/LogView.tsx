/** A log: followed while it grows, searched, taken away as a file. Thousands of lines are drawn a window at a time. */

import { useVirtualizer } from "@tanstack/react-virtual";
import { ArrowDownToLine, ChevronDown, ChevronUp, Download } from "lucide-react";
import { useEffect, useMemo, useRef, useState } from "react";
import { downloadText } from "../ui/download";
import { IconButton } from "../ui/Button";
import { Problem } from "../ui/notes";
import { useLog } from "./stream";

const ROW = 19;

export function LogView({ path, name }: { path: string | null; name: string }) {
  const { lines, error, done } = useLog(path);
  const [search, setSearch] = useState("");
  const [at, setAt] = useState(0);
  const [follow, setFollow] = useState(true);
  const frame = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({ count: lines.length, getScrollElement: () => frame.current, estimateSize: () => ROW, overscan: 20 });
  const hits = useMemo(() => found(lines, search), [lines, search]);
  const hit = hits[at % Math.max(1, hits.length)];
  useEffect(() => {
    if (follow && !search && lines.length) rows.scrollToIndex(lines.length - 1);
  }, [lines.length, follow, search, rows]);
  useEffect(() => {
    if (hit !== undefined) rows.scrollToIndex(hit, { align: "center" });
  }, [hit, rows]);
  if (path === null) return <p className="dim">It has not started yet.</p>;
  if (error?.code === 404 && lines.length === 0) return <p className="dim">The pod is gone, and its log with it.</p>;
  if (error && lines.length === 0) return <Problem error={error} />;
  return (
    <div className="log-view">
      <div className="log-tools">
        <input
          type="search"
          aria-label="Search in the log"
          placeholder="Search in the log"
          value={search}
          onChange={(e) => {
            setSearch(e.target.value);
            setAt(0);
          }}
          onKeyDown={(e) => {
            if (e.key === "Enter") setAt((n) => n + (e.shiftKey ? hits.length - 1 : 1));
          }}
        />
        {search ? (
          <span className="dim number" role="status">
            {hits.length ? `${(at % hits.length) + 1} of ${hits.length}` : "not found"}
          </span>
        ) : null}
        <IconButton label="Previous match" Icon={ChevronUp} disabled={!hits.length} onClick={() => setAt((n) => n + hits.length - 1)} />
        <IconButton label="Next match" Icon={ChevronDown} disabled={!hits.length} onClick={() => setAt((n) => n + 1)} />
        <IconButton label="Follow the end" Icon={ArrowDownToLine} aria-pressed={follow} onClick={() => setFollow(!follow)} />
        <IconButton label="Download the log" Icon={Download} onClick={() => downloadText(`${name}.log`, lines.join("\n"))} />
      </div>
      <div
        ref={frame}
        className="log"
        tabIndex={0}
        role="log"
        aria-label="Log"
        onWheel={(e) => {
          if (e.deltaY < 0) setFollow(false);
        }}
      >
        {lines.length === 0 ? (
          <span className="dim">{done ? "It printed nothing." : "waiting for the first line …"}</span>
        ) : (
          <div style={{ height: rows.getTotalSize(), position: "relative" }}>
            {rows.getVirtualItems().map(({ index, start, key }) => (
              <div
                key={key}
                ref={rows.measureElement}
                data-index={index}
                className={index === hit ? "log-line log-hit" : "log-line"}
                style={{ transform: `translateY(${start}px)` }}
              >
                {lines[index]}
              </div>
            ))}
          </div>
        )}
      </div>
      {error ? <Problem error={error} /> : null}
    </div>
  );
}

function found(lines: string[], search: string): number[] {
  const wanted = search.trim().toLowerCase();
  if (!wanted) return [];
  return lines.flatMap((line, i) => (line.toLowerCase().includes(wanted) ? [i] : []));
}
