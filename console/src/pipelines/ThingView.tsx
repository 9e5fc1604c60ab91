/** One artifact as it is best seen: metrics and curves drawn, HTML and Markdown and tables shown, other things named. */

import { useQuery } from "@tanstack/react-query";
import { Download } from "lucide-react";
import { request } from "../api/kube";
import { Copy } from "../ui/Copy";
import { Facts } from "../ui/Facts";
import { Markdown } from "../ui/Markdown";
import { ArtifactView } from "../workflows/ArtifactView";
import { Measured } from "./Measured";
import { shown } from "./spec";
import type { Thing } from "./things";

const MEASURED = new Set(["Metric", "ClassificationMetric", "SlicedClassificationMetric"]);

export function visual({ type }: Thing): boolean {
  return MEASURED.has(type) || type === "HTML" || type === "Markdown";
}

export function ThingView({ thing }: { thing: Thing }) {
  if (MEASURED.has(thing.type)) return <Measured artifacts={[thing]} />;
  if (!thing.view) return null;
  if (thing.type === "Markdown") return <Written path={thing.view} name={thing.name} />;
  if (thing.type === "Model") return null;
  return <ArtifactView path={thing.view} name={thing.type === "HTML" ? `${thing.name}.html` : thing.name} />;
}

const LONGEST = 200_000;

function Written({ path, name }: { path: string; name: string }) {
  const { data } = useQuery({ queryKey: ["text", path], queryFn: async ({ signal }) => (await (await request(path, { signal })).text()).slice(0, LONGEST), retry: false, staleTime: 60_000 });
  return data === undefined ? null : <Markdown text={data} label={name} />;
}

/** With what is known of it: type, place, metadata, who made and who used it. */
export function ThingCard({ thing, level = 2, onTask }: { thing: Thing; level?: 2 | 3; onTask?: (id: string) => void }) {
  const { name, type, uri = "", metadata = {}, download } = thing;
  const Heading = level === 2 ? "h2" : "h3";
  const told = MEASURED.has(type) ? [] : Object.entries(metadata).filter(([key]) => key !== "display_name");
  return (
    <section className="thing" aria-label={`Artifact ${name}`}>
      <header>
        <Heading>{name}</Heading>
        <span className="tag">{type}</span>
        {download ? (
          <a className="icon-button" href={download} download aria-label={`Download ${name}`} title={`Download ${name}`}>
            <Download size={16} aria-hidden />
          </a>
        ) : null}
      </header>
      <Facts
        rows={[
          ["Made by", thing.by ? <Task key="by" of={thing.by} onTask={onTask} /> : ""],
          ["Used by", thing.usedBy.length ? thing.usedBy.map((one) => <Task key={one.id} of={one} onTask={onTask} />) : ""],
          ["URI", uri ? <Uri key="uri" uri={uri} /> : ""],
          ...told.map(([key, value]): [string, string] => [key, shown(value)]),
        ]}
      />
      <ThingView thing={thing} />
    </section>
  );
}

function Uri({ uri }: { uri: string }) {
  return (
    <span className="address uri">
      <span className="mono" title={uri}>
        {uri}
      </span>
      <Copy text={uri} label="Copy the URI" />
    </span>
  );
}

function Task({ of, onTask }: { of: { id: string; name: string }; onTask: ((id: string) => void) | undefined }) {
  if (!onTask) return <span className="spaced">{of.name}</span>;
  return (
    <button type="button" className="link spaced" onClick={() => onTask(of.id)}>
      {of.name}
    </button>
  );
}
