/** Where something comes from, and what depends on it: a graph, the same as a list, and every fact that is known. */

import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { Boxes, Cpu, Database, FileBox, FlaskConical, HardDrive, type LucideIcon, Radio, Search, Tag } from "lucide-react";
import { type ReactNode, useEffect, useMemo, useState } from "react";
import { type KubeError, get } from "../api/kube";
import { WORKFLOW, useMany } from "../api/resources";
import { SERVICE } from "../endpoints/kinds";
import { Button } from "../ui/Button";
import { Copy } from "../ui/Copy";
import { Diagram } from "../ui/Diagram";
import { Facts } from "../ui/Facts";
import { Page, Segments } from "../ui/Page";
import { Empty, Problem } from "../ui/notes";
import { Ago } from "../ui/time";
import { useModels } from "./registry";
import { type Box, type Tree, amount, detail, picture, question } from "./tree";
import "./models.css";

const FROM = "/$namespace/lineage";
const WAYS = ["Where it comes from", "What depends on it"] as const;
const VIEWS = ["Graph", "List"] as const;

export const LOOKS: Record<string, { Icon: LucideIcon; colour: string }> = {
  endpoint: { Icon: Radio, colour: "var(--share-3)" },
  version: { Icon: Tag, colour: "var(--share-1)" },
  model: { Icon: Boxes, colour: "var(--share-1)" },
  tracked: { Icon: FlaskConical, colour: "var(--share-2)" },
  execution: { Icon: Cpu, colour: "var(--share-0)" },
  run: { Icon: Cpu, colour: "var(--share-0)" },
  artifact: { Icon: FileBox, colour: "var(--share-2)" },
  dataset: { Icon: Database, colour: "var(--good)" },
  claim: { Icon: HardDrive, colour: "var(--dim)" },
};
const OTHER = { Icon: FileBox, colour: "var(--dim)" };

export function Lineage() {
  const { namespace } = useParams({ from: FROM });
  const { of: word, down = false, node } = useSearch({ from: FROM });
  const navigate = useNavigate({ from: FROM });
  const { data, error } = useQuery<{ tree: Tree; others: string[] }, KubeError>({
    queryKey: ["lineage", namespace, word, down],
    queryFn: ({ signal }) =>
      get(`/pinnace/v1/lineage/walk?${new URLSearchParams({ of: word ?? "", namespace, down: down ? "1" : "" })}`, signal),
    enabled: Boolean(word),
    retry: false,
  });
  return (
    <Page title={word ? `Lineage of ${word}` : "Lineage"}>
      <div className="tools lineage-tools">
        <Ask word={word ?? ""} onAsk={(of) => void navigate({ search: { of, ...(down ? { down } : {}) } })} />
        <Segments
          label="Direction"
          options={WAYS}
          value={WAYS[down ? 1 : 0]}
          onChange={(way) => void navigate({ search: { ...(word ? { of: word } : {}), ...(way === WAYS[1] ? { down: true } : {}) } })}
        />
      </div>
      {error ? <Problem error={error} /> : null}
      {word ? null : <Suggestions namespace={namespace} />}
      {data && word ? (
        <Walked
          key={`${word} ${down}`}
          tree={data.tree}
          others={data.others}
          down={down}
          chosen={node}
          onChoose={(id) => void navigate({ search: { of: word, ...(down ? { down } : {}), node: id }, replace: true })}
        />
      ) : null}
    </Page>
  );
}

function Ask({ word, onAsk }: { word: string; onAsk: (word: string) => void }) {
  const [text, setText] = useState(word);
  useEffect(() => setText(word), [word]);
  return (
    <form
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        if (text.trim()) onAsk(text.trim());
      }}
    >
      <input
        type="search"
        aria-label="A name or a digest"
        placeholder="digits, digits:2, endpoint/digits, workflow/…, a digest"
        value={text}
        onChange={(e) => setText(e.target.value)}
      />
      <Button type="submit" Icon={Search}>
        Walk
      </Button>
    </form>
  );
}

interface WalkedProps {
  tree: Tree;
  others: string[];
  down: boolean;
  chosen: string | undefined;
  onChoose: (id: string) => void;
}

function Walked({ tree, others, down, chosen, onChoose }: WalkedProps) {
  const [view, setView] = useState<(typeof VIEWS)[number]>("Graph");
  const drawn = useMemo(() => picture(tree, down), [tree, down]);
  const shown = drawn.boxes.find((b) => b.id === chosen) ?? drawn.boxes[0];
  const boxes = useMemo(
    () => drawn.boxes.map(({ id, tree: one }) => ({ id, title: one.title, detail: detail(one), ...(LOOKS[one.kind] ?? OTHER) })),
    [drawn],
  );
  return (
    <>
      <div className="tools">
        <Segments label="View" options={VIEWS} value={view} onChange={setView} />
        {others.length ? <span className="dim">It could also mean {others.join(", ")}.</span> : null}
      </div>
      <div className="lineage">
        {view === "Graph" ? (
          <Diagram label="Lineage as a graph" boxes={boxes} arrows={drawn.arrows} selected={shown?.id} onSelect={onChoose} />
        ) : (
          <ul className="tree" aria-label="Lineage as a list">
            <Branch tree={tree} boxes={drawn.boxes} shown={shown} onChoose={onChoose} />
          </ul>
        )}
        {shown ? <Known key={shown.id} tree={shown.tree} /> : null}
      </div>
    </>
  );
}

/** The list keeps the tree's own shape; a thing that is told twice is chosen by either line. */
function Branch(props: { tree: Tree; boxes: Box[]; shown: Box | undefined; onChoose: (id: string) => void }) {
  const { tree, boxes, shown, onChoose } = props;
  const { Icon, colour } = LOOKS[tree.kind] ?? OTHER;
  const box = boxes.find((b) => b.tree === tree) ?? boxes.find((b) => b.tree.title === tree.title && b.tree.kind === tree.kind);
  return (
    <li>
      <button type="button" aria-current={box !== undefined && box === shown} onClick={() => box && onChoose(box.id)}>
        <Icon size={15} aria-hidden style={{ color: colour }} />
        <span>{tree.title}</span>
        <span className="dim">{detail(tree)}</span>
      </button>
      {tree.children.length ? (
        <ul>
          {tree.children.map((child, i) => (
            <Branch key={`${child.title} ${i}`} {...props} tree={child} />
          ))}
        </ul>
      ) : null}
    </li>
  );
}

const LONG = new Set(["script"]);
const TIMES = new Set(["started", "finished", "created", "deleted"]);

function Known({ tree }: { tree: Tree }) {
  const { namespace } = useParams({ from: FROM });
  const again = question(tree);
  const rows: [string, ReactNode][] = Object.entries(tree.facts)
    .filter(([name]) => !LONG.has(name) && name !== "seen")
    .map(([name, value]) => [name, <Value key={name} name={name} value={value} />]);
  return (
    <aside className="lineage-side" aria-label={`About ${tree.title}`}>
      <h2>{tree.title}</h2>
      <p className="dim">{tree.kind}</p>
      <Facts rows={rows} />
      {typeof tree.facts.script === "string" ? (
        <>
          <h3>Script</h3>
          <pre tabIndex={0} role="region" aria-label="Script">
            {tree.facts.script}
          </pre>
        </>
      ) : null}
      <div className="lineage-acts">
        {again ? (
          <>
            <Link to={FROM} params={{ namespace }} search={{ of: again }} className="button">
              Come from here
            </Link>
            <Link to={FROM} params={{ namespace }} search={{ of: again, down: true }} className="button">
              What depends on it
            </Link>
          </>
        ) : null}
        <PageLink tree={tree} />
      </div>
    </aside>
  );
}

/** The page of the thing itself, where the console has one. */
function PageLink({ tree }: { tree: Tree }) {
  const { namespace: here } = useParams({ from: FROM });
  const namespace = typeof tree.facts.namespace === "string" ? tree.facts.namespace : here;
  const name = tree.title.split("/").at(-1) ?? "";
  const run = typeof tree.facts.run === "string" ? /^Workflow\/(.+)$/.exec(tree.facts.run)?.[1] : undefined;
  if (tree.facts.deleted) return null;
  if (tree.kind === "endpoint")
    return (
      <Link to="/$namespace/endpoints/$name" params={{ namespace, name }} className="button">
        Open the endpoint
      </Link>
    );
  if (run || (tree.kind === "run" && tree.title.startsWith("Workflow/")))
    return (
      <Link to="/$namespace/workflows/$name" params={{ namespace, name: run ?? name }} className="button">
        Open the run
      </Link>
    );
  const [model, version] = tree.title.split(" version ");
  if (tree.kind !== "version" || !model || !version) return null;
  return (
    <Link to="/$namespace/models/$model" params={{ namespace: here, model }} search={{ version }} className="button">
      Open the model
    </Link>
  );
}

function Value({ name, value }: { name: string; value: unknown }) {
  if (name === "bytes") return amount(value);
  if (name === "created" && typeof value === "number") return <Ago at={new Date(value).toISOString()} />;
  if (TIMES.has(name) && typeof value === "string") return <Ago at={value} />;
  if (Array.isArray(value)) return value.map((one) => <div key={String(one)}>{String(one)}</div>);
  if (typeof value === "object" && value !== null)
    return Object.entries(value).map(([key, one]) => (
      <div key={key}>
        {key}: <span className="mono">{String(one)}</span>
      </div>
    ));
  return typeof value === "string" && /^[0-9a-f]{32,}$/.test(value) ? <Digest digest={value} /> : String(value);
}

function Digest({ digest }: { digest: string }) {
  return (
    <span className="address">
      <span className="mono" title={digest}>
        {digest.slice(0, 20)}…
      </span>
      <Copy text={digest} label="Copy the digest" />
    </span>
  );
}

const FEW = 8;

function Suggestions({ namespace }: { namespace: string }) {
  const models = useModels();
  const endpoints = useMany(SERVICE, namespace);
  const runs = useMany(WORKFLOW, namespace);
  const groups: [string, string[]][] = [
    ["Endpoints", endpoints.items.slice(0, FEW).map((e) => `endpoint/${e.metadata.name}`)],
    ["Models", (models.data ?? []).slice(0, FEW).map((m) => `model/${m.name}`)],
    ["Runs", runs.items.slice(0, FEW).map((w) => `workflow/${w.metadata.name}`)],
  ];
  return (
    <Empty title="Begin with anything that has a name">
      An endpoint, a model, a run, or the beginning of a digest. In a terminal: <code>pinnace lineage digits</code>.
      <div className="suggestions">
        {groups.map(([title, words]) =>
          words.length ? (
            <section key={title}>
              <h3>{title}</h3>
              <ul>
                {words.map((of) => (
                  <li key={of}>
                    <Link to={FROM} params={{ namespace }} search={{ of }}>
                      {of.split("/")[1]}
                    </Link>
                  </li>
                ))}
              </ul>
            </section>
          ) : null,
        )}
      </div>
    </Empty>
  );
}
