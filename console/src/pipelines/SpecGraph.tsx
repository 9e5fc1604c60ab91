/** The tasks of a version as a graph; what holds others is opened by a click, and left by the crumbs. */

import { FileCode, FileCog, GitBranch, LogOut, Repeat, Workflow } from "lucide-react";
import { useMemo } from "react";
import { Diagram } from "../ui/Diagram";
import { Facts } from "../ui/Facts";
import { type Change, ROOT, compared, drawn, givenTo } from "./drawing";
import type { PipelineSpec } from "./spec";

const ICONS: Record<string, typeof FileCode> = { loop: Repeat, condition: GitBranch, "exit handler": LogOut, pipeline: Workflow, importer: FileCog };
const COLOURS: Record<Change, string> = { same: "var(--share-0)", added: "var(--good)", removed: "var(--bad)", changed: "var(--ask)" };

interface Props {
  spec: PipelineSpec;
  /** With it, what came, went and changed since then. */
  before?: PipelineSpec;
  /** Layers that were opened, outermost first, with commas. */
  layer: string | undefined;
  task: string | undefined;
  onGo: (where: { layer: string | undefined; task: string | undefined }) => void;
}

export function SpecGraph({ spec, before, layer = "", task, onGo }: Props) {
  const opened = layer.split(",").filter(Boolean);
  const scope = opened.at(-1) ?? ROOT;
  const { tasks, arrows } = useMemo(() => (before ? compared(before, spec, scope) : drawn(spec, scope)), [spec, before, scope]);
  const boxes = useMemo(
    () =>
      tasks.map(({ id, title, detail, opens, change }) => ({
        id, title,
        detail: [before && change !== "same" ? change : "", detail, opens ? "opens" : ""].filter(Boolean).join(" · "),
        Icon: ICONS[detail] ?? FileCode,
        colour: COLOURS[before ? change : "same"],
      })),
    [tasks, before],
  );
  const select = (id: string) => {
    const opens = tasks.find((t) => t.id === id)?.opens;
    if (opens) onGo({ layer: [...opened, opens].join(), task: undefined });
    else onGo({ layer: layer || undefined, task: id });
  };
  const given = task && tasks.some((t) => t.id === task && t.change !== "removed") ? givenTo(spec, scope, task) : [];
  return (
    <>
      {opened.length ? (
        <nav className="layers" aria-label="Layers">
          {[ROOT, ...opened].map((each, i) => (
            <button key={each} type="button" className="link" aria-current={each === scope ? "page" : undefined} onClick={() => onGo({ layer: opened.slice(0, i).join() || undefined, task: undefined })}>
              {each === ROOT ? "pipeline" : each.replace(/^comp-/, "")}
            </button>
          ))}
        </nav>
      ) : null}
      <div className={given.length ? "spec-graph spec-beside" : "spec-graph"}>
        {boxes.length ? <Diagram label="Tasks of the pipeline" boxes={boxes} arrows={arrows} selected={task} onSelect={select} /> : <p className="dim">Nothing is in it.</p>}
        {given.length ? (
          <aside className="card" aria-label={`About ${task}`}>
            <h2>{task}</h2>
            <Facts rows={given.map(([name, from]): [string, React.ReactNode] => [name, <span key={name} className="mono">{from}</span>])} />
          </aside>
        ) : null}
      </div>
    </>
  );
}
