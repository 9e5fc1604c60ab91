/** The shares of a Splitter, moved by sliders: one moves, the others make room. One gesture is one change. */

import { useState } from "react";
import { Slider } from "../../ui/Slider";
import { setStep, stepOf } from "../document/inference/language";
import type { GraphEdge } from "../model";
import { useStudioHere } from "../studio";
import { moved } from "./shares";

export function Shares({ router }: { router: string }) {
  const { document, graph, change } = useStudioHere();
  const [draft, setDraft] = useState<number[] | null>(null);
  const edges = graph.edges.filter((each) => each.from.node === router);
  const said = edges.map((edge) => Number(stepOf(document, edge)?.raw.weight ?? 0));
  const shares = draft && draft.length === said.length ? draft : said;
  const write = (next: readonly number[]) => {
    change(`Share out ${router}`, (doc) => {
      for (const [i, edge] of edges.entries()) setStep(doc, edge, "weight", next[i] ?? 0);
    });
    setDraft(null);
  };
  if (!edges.length) return null;
  return (
    <fieldset className="router-shares">
      <legend>Shares</legend>
      {edges.map((edge, i) => (
        <Share key={edge.id} edge={edge} value={shares[i] ?? 0} onChange={(to) => setDraft(moved(said, i, to))} onCommit={(to) => write(moved(said, i, to))} />
      ))}
    </fieldset>
  );
}

interface ShareProps {
  edge: GraphEdge;
  value: number;
  onChange: (to: number) => void;
  onCommit: (to: number) => void;
}

function Share({ edge, value, onChange, onCommit }: ShareProps) {
  const { graph } = useStudioHere();
  const name = graph.nodes.find((each) => each.id === edge.to.node)?.title ?? edge.to.node;
  return (
    <div className="router-share">
      <span className="router-share-name">{name}</span>
      <span className="number">{value} %</span>
      <Slider label={`Share of ${name}`} said={(percent) => `${percent} %`} value={value} onChange={onChange} onCommit={onCommit} />
    </div>
  );
}
