/** One open document: its texts, what of it is drawn, what is chosen. Every change goes through `change`, so that all can be undone. */

import { createContext, useCallback, useContext, useMemo, useRef, useState } from "react";
import { complain } from "../ui/toasts";
import { type Language, type Scope, type Shared, languageOf } from "./document/language";
import { type Parsed, type Renamed, type Source, edited, parse, plain, renamesOf } from "./document/yaml";
import { type History, TYPING, begun, current, recorded, redone, undone } from "./history";
import type { Library } from "./library";
import { EMPTY, type Component, type Graph } from "./model";

export interface Selection {
  nodes: ReadonlySet<string>;
  edge: string | null;
}

const NONE: Selection = { nodes: new Set(), edge: null };

export interface Studio {
  text: string;
  history: History;
  /** The last text that could be read, and what it says. */
  source: Source | null;
  document: Record<string, unknown>;
  documents: Record<string, unknown>[];
  at: number;
  choose(at: number): void;
  trouble: Parsed["trouble"];
  language: Language | undefined;
  library: Library;
  graph: Graph;
  components: readonly Component[];
  scope: string;
  /** From the outermost drawing to this one. */
  trail: readonly string[];
  scopes: Scope[];
  open(scope: string): void;
  close(depth: number): void;
  selection: Selection;
  select(nodes: Iterable<string>, edge?: string | null): void;
  /** One gesture; undefined when it was refused, and why is told. */
  change<T>(label: string, edit: (document: Source) => T): T | undefined;
  type(text: string): void;
  undo(): void;
  redo(): void;
  /** Another document takes this one's place, undone like any other change. */
  replace(text: string, label: string): void;
}

const Context = createContext<Studio | null>(null);
export const StudioProvider = Context.Provider;

export function useStudioHere(): Studio {
  const found = useContext(Context);
  if (!found) throw new Error("There is no document around this component");
  return found;
}

interface Reading {
  sources: Source[];
  documents: Record<string, unknown>[];
  trouble: Parsed["trouble"];
}

/** A text that cannot be read leaves the last good picture standing. */
function useReading(text: string): Reading {
  const last = useRef<Reading>({ sources: [], documents: [], trouble: null });
  return useMemo(() => {
    const { documents: sources, trouble } = parse(text);
    last.current = trouble ? { ...last.current, trouble } : { sources, documents: sources.map(plain), trouble: null };
    return last.current;
  }, [text]);
}

export function useStudio(initial: string, shared: Shared): Studio {
  const { library } = shared;
  const [history, setHistory] = useState(() => begun(initial));
  const [at, setAt] = useState(0);
  const [trail, setTrail] = useState<readonly string[]>([]);
  const [selection, setSelection] = useState(NONE);
  const { text } = current(history);
  const { sources, documents, trouble } = useReading(text);
  const source = sources[at] ?? null;
  const document = documents[at] ?? {};
  const language = languageOf(document);
  const scopes = useMemo(() => language?.scopes(document) ?? [], [language, document]);
  const entry = language?.entry(document) ?? "";
  const path = useMemo(() => reachable(trail, entry, scopes), [trail, entry, scopes]);
  const scope = path.at(-1) ?? entry;
  const graph = useMemo(() => language?.read(document, scope, library) ?? EMPTY, [language, document, scope, library]);
  const components = useMemo(
    () => language?.palette(document, scope, shared) ?? [],
    [language, document, scope, shared],
  );
  const live = useRef({ text, at });
  live.current = { text, at };

  const write = useCallback((next: string, label: string) => setHistory((h) => recorded(h, next, label, Date.now())), []);
  const change = useCallback(
    <T,>(label: string, edit: (document: Source) => T): T | undefined => {
      let result: T | undefined;
      try {
        let names: readonly Renamed[] = [];
        const next = edited(live.current.text, live.current.at, (doc) => {
          result = edit(doc);
          names = renamesOf(doc);
        });
        if (names.length) {
          setTrail((old) => old.map((scope) => names.reduce((name, { scopes }) => scopes.get(name) ?? name, scope)));
          setSelection((old) => ({ ...old, nodes: new Set([...old.nodes].map((id) => names.reduce((name, { nodes }) => nodes.get(name) ?? name, id))) }));
        }
        live.current.text = next;
        write(next, label);
        return result;
      } catch (problem) {
        complain(problem);
        return undefined;
      }
    },
    [write],
  );
  const type = useCallback((next: string) => write(next, TYPING), [write]);
  const select = useCallback((nodes: Iterable<string>, edge: string | null = null) => setSelection((old) => kept(old, new Set(nodes), edge)), []);
  return {
    text, history, source, document, documents, at, trouble, language, library, graph, components, scope, scopes, selection, change, type, select,
    trail: path,
    choose: (next) => {
      setAt(next);
      setTrail([]);
      setSelection(NONE);
    },
    open: (next) => {
      setTrail([...path, next]);
      setSelection(NONE);
    },
    close: (depth) => {
      setTrail(path.slice(0, depth));
      setSelection(NONE);
    },
    undo: () => setHistory(undone),
    redo: () => setHistory(redone),
    replace: write,
  };
}

/** Scopes that are still there, the entry first. */
function reachable(trail: readonly string[], entry: string, scopes: Scope[]): readonly string[] {
  const names = new Set(scopes.map((each) => each.name));
  const [first = entry, ...rest] = trail;
  const start = names.has(first) ? first : entry;
  const lost = rest.findIndex((name) => !names.has(name));
  return [start, ...(lost < 0 ? rest : rest.slice(0, lost))];
}

/** The same choice again is no news: renders stop here. */
function kept(old: Selection, nodes: ReadonlySet<string>, edge: string | null): Selection {
  const same = old.edge === edge && old.nodes.size === nodes.size && [...nodes].every((id) => old.nodes.has(id));
  return same ? old : { nodes, edge };
}
