/** The text: what is typed here is drawn at once, what is drawn is written here. */

import { Prec } from "@codemirror/state";
import { keymap } from "@codemirror/view";
import { useMemo, useRef } from "react";
import { Code } from "../../ui/Code";
import { pathAt, range } from "../document/yaml";
import { marked } from "../findings";
import { type Finding, holding, node } from "../model";
import { type Studio, useStudioHere } from "../studio";

interface Span {
  from: number;
  to: number;
}

interface Props {
  findings: Finding[];
  reveal: Span | undefined;
  chosen: string | undefined;
}

export function Text({ findings, reveal, chosen }: Props) {
  const studio = useStudioHere();
  const { text, source, trouble, type } = studio;
  const marks = useMemo(() => marked({ source, trouble }, findings), [source, trouble, findings]);
  return (
    <div className="text-pane">
      {trouble ? (
        <p role="status" className="warning">
          The picture is the last one that could be read: {trouble.message.split("\n")[0]}
        </p>
      ) : null}
      <Code
        label="Document, YAML"
        language="yaml"
        value={text}
        onChange={type}
        findings={marks}
        reveal={useShown(studio, reveal, chosen)}
        extensions={useUndoKeys(studio)}
        onCursor={(offset) => chooseAt(studio, offset)}
      />
    </div>
  );
}

/** The node whose text the cursor is in. */
function chooseAt({ source, trouble, graph, select }: Studio, offset: number): void {
  if (!source || trouble) return;
  const found = holding(graph, pathAt(source, offset));
  if (found) select([found.id]);
}

/** The choice brings its text into view, an edit does not. */
function useShown({ graph, source }: Studio, reveal: Span | undefined, chosen: string | undefined): Span | undefined {
  // biome-ignore lint/correctness/useExhaustiveDependencies: what is drawn changes with each letter, the choice does not
  return useMemo(() => {
    const step = chosen === undefined ? undefined : node(graph, chosen);
    return reveal ?? (step && source ? (range(source, step.path) ?? undefined) : undefined);
  }, [chosen, reveal]);
}

/** One history for text and drawing. */
function useUndoKeys(studio: Studio) {
  const hands = useRef(studio);
  hands.current = studio;
  return useMemo(() => {
    const does = (which: "undo" | "redo") => () => {
      hands.current[which]();
      return true;
    };
    const [undo, redo] = [does("undo"), does("redo")];
    return [Prec.highest(keymap.of([{ key: "Mod-z", run: undo }, { key: "Mod-y", run: redo }, { key: "Mod-Shift-z", run: redo }]))];
  }, []);
}
