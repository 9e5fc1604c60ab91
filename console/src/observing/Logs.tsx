/** The logs of a namespace's pods as one: by time, searched, live. */

import { useVirtualizer } from "@tanstack/react-virtual";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { ArrowDownToLine, Download } from "lucide-react";
import { useEffect, useMemo, useRef, useState } from "react";
import { runs } from "../api/context";
import { POD, useMany } from "../api/resources";
import type { Pod } from "../api/types";
import { useNamespace } from "../app/namespace";
import { downloadText } from "../ui/download";
import { IconButton } from "../ui/Button";
import { Mark } from "../ui/Mark";
import { Page, SearchBox } from "../ui/Page";
import { Empty, Problem } from "../ui/notes";
import { type Line, clock, cut, holding } from "./lines";
import "./observing.css";
import type { LogSearch } from "./routes";
import { sources, useTail } from "./tail";

const FROM = "/$namespace/logs";
const MOST = 60;
const ROW = 20;
/** Characters of a pod's name that are seen: its end tells it from others. */
const NAME = 24;

export function Logs() {
  const namespace = useNamespace();
  const search = useSearch({ from: FROM });
  const navigate = useNavigate({ from: FROM });
  const pods = useMany(POD, namespace, search.labels ? { labels: search.labels } : {});
  const [live, setLive] = useState(true);
  const offered = pods.items.slice(0, MOST);
  const chosen = useMemo(() => new Set<string>(search.pods?.split(",")), [search.pods]);
  const read = search.pods ? offered.filter((pod) => chosen.has(pod.metadata.name)) : offered;
  const { lines, reading } = useTail(sources(read), live);
  const shown = useMemo(() => holding(lines, search.q ?? ""), [lines, search.q]);
  const set = (change: { [K in keyof LogSearch]: string }) =>
    void navigate({ search: (now) => Object.fromEntries(Object.entries({ ...now, ...change }).filter(([, text]) => text)) as LogSearch, replace: true });
  return (
    <Page title="Logs" full>
      <div className="logs">
        <aside className="logs-pods" aria-label="Pods">
          <Labels value={search.labels ?? ""} onChange={(labels) => set({ labels })} />
          {pods.error ? <Problem error={pods.error} /> : null}
          <PodChoice pods={offered} chosen={search.pods ? chosen : null} onChange={(names) => set({ pods: names.join(",") })} />
          {pods.items.length > MOST ? <p className="dim">The newest {MOST} of {pods.items.length}; labels narrow them down.</p> : null}
        </aside>
        <section className="logs-lines" aria-label="Lines">
          <div className="log-tools">
            <SearchBox value={search.q ?? ""} onChange={(q) => set({ q })} label="Lines that hold …" />
            <span className="dim number" role="status">
              {shown.length.toLocaleString()} {shown.length === 1 ? "line" : "lines"}
            </span>
            <IconButton label="Live: follow the end" Icon={ArrowDownToLine} aria-pressed={live} onClick={() => setLive(!live)} />
            <IconButton label="Download these lines" Icon={Download} onClick={() => downloadText(`${namespace}.log`, text(shown))} />
          </div>
          {pods.loaded && !reading && shown.length === 0 ? (
            <Nothing any={lines.length > 0} pods={pods.items.length} />
          ) : (
            <Lines lines={shown} search={search.q ?? ""} follow={live} many={read.length !== 1} />
          )}
        </section>
      </div>
    </Page>
  );
}

function text(lines: Line[]): string {
  return lines.map(({ at, pod, text: words }) => `${at} ${pod} ${words}`).join("\n");
}

function Nothing({ any, pods }: { any: boolean; pods: number }) {
  if (any) return <Empty title="No line holds that">Try fewer words: every one of them must be in the line.</Empty>;
  return (
    <Empty title={pods ? "These pods have printed nothing yet" : "No pods are here yet"}>
      What pods print appears here while they print it. <code>{runs}</code> or a notebook starts some.
    </Empty>
  );
}

/** Applied when typing ends: half a selector is no selector. */
function Labels({ value, onChange }: { value: string; onChange: (labels: string) => void }) {
  const [draft, setDraft] = useState(value);
  useEffect(() => setDraft(value), [value]);
  return (
    <form
      onSubmit={(e) => {
        e.preventDefault();
        onChange(draft.trim());
      }}
    >
      <input aria-label="Labels of the pods" placeholder="label=value, …" className="mono" value={draft} onChange={(e) => setDraft(e.target.value)} onBlur={() => draft.trim() !== value && onChange(draft.trim())} />
    </form>
  );
}

function PodChoice({ pods, chosen, onChange }: { pods: Pod[]; chosen: Set<string> | null; onChange: (names: string[]) => void }) {
  const names = pods.map((pod) => pod.metadata.name);
  const toggle = (name: string, on: boolean) => {
    const next = names.filter((each) => (each === name ? on : (chosen?.has(each) ?? false)));
    onChange(next);
  };
  return (
    <ul>
      <li>
        <label>
          <input type="checkbox" checked={chosen === null} onChange={() => onChange([])} /> All pods
        </label>
      </li>
      {pods.map((pod) => (
        <li key={pod.metadata.uid}>
          <label title={pod.metadata.name}>
            <input type="checkbox" checked={chosen?.has(pod.metadata.name) ?? false} onChange={(e) => toggle(pod.metadata.name, e.target.checked)} />
            <Mark phase={pod.status?.phase} label={false} />
            <span className="logs-pod">{pod.metadata.name}</span>
          </label>
        </li>
      ))}
    </ul>
  );
}

function Lines({ lines, search, follow, many }: { lines: Line[]; search: string; follow: boolean; many: boolean }) {
  const frame = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({ count: lines.length, getScrollElement: () => frame.current, estimateSize: () => ROW, overscan: 20 });
  useEffect(() => {
    if (follow && lines.length) rows.scrollToIndex(lines.length - 1);
  }, [lines.length, follow, rows]);
  const width = useMemo(() => Math.min(NAME, Math.max(8, ...new Set(lines.map((line) => line.pod.length)))), [lines]);
  return (
    <div ref={frame} className="log" tabIndex={0} role="log" aria-label="Log lines">
      <div style={{ height: rows.getTotalSize(), position: "relative" }}>
        {rows.getVirtualItems().map(({ index, start, key }) => {
          const line = lines[index];
          return line ? (
            <div key={key} ref={rows.measureElement} data-index={index} className="log-line logs-line" style={{ transform: `translateY(${start}px)` }}>
              <time dateTime={line.at} title={line.at}>
                {clock(line.at)}
              </time>
              {many ? <span className={`logs-of share-ink-${hue(line.pod)}`} style={{ width: `${width}ch` }} title={line.pod}>{line.pod.length > width ? `…${line.pod.slice(1 - width)}` : line.pod}</span> : null}
              <span>
                {cut(line.text, search).map((part, i) => (i % 2 ? <mark key={i}>{part}</mark> : part))}
              </span>
            </div>
          ) : null;
        })}
      </div>
    </div>
  );
}

/** The same colour for the same pod, always. */
function hue(pod: string): number {
  let sum = 0;
  for (const letter of pod) sum = (sum * 31 + (letter.codePointAt(0) ?? 0)) >>> 0;
  return sum % 4;
}
