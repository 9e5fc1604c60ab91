/** An editor or a reader of YAML, JSON or Python. Load it through `Code`. */

import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { json } from "@codemirror/lang-json";
import { python } from "@codemirror/lang-python";
import { yaml } from "@codemirror/lang-yaml";
import { HighlightStyle, bracketMatching, foldGutter, foldKeymap, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { type Diagnostic, lintGutter, setDiagnostics } from "@codemirror/lint";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { Annotation, Compartment, EditorState, type Extension } from "@codemirror/state";
import { EditorView, drawSelection, highlightActiveLine, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { useEffect, useRef } from "react";

export interface Finding {
  /** Characters from the start. */
  from: number;
  to: number;
  severity: "error" | "warning" | "info";
  message: string;
}

export interface Props {
  label: string;
  value: string;
  language: "yaml" | "json" | "python" | "text";
  /** Without it the text is only read. */
  onChange?: (value: string) => void;
  findings?: Finding[];
  /** Bring these characters into view and select them; a new object does it again. */
  reveal?: { from: number; to: number } | undefined;
  /** Where the reader's cursor stands. */
  onCursor?: (offset: number) => void;
  extensions?: Extension[];
}

const COLOURS = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: "var(--code-name)" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--code-text)" },
  { tag: [tags.number, tags.bool, tags.null, tags.atom], color: "var(--code-value)" },
  { tag: [tags.keyword, tags.operator, tags.tagName], color: "var(--code-word)" },
  { tag: tags.comment, color: "var(--dim)", fontStyle: "italic" },
]);

const LOOK = EditorView.theme({
  "&": { height: "100%", fontSize: "12.5px", backgroundColor: "var(--raised)", color: "var(--ink)" },
  ".cm-scroller": { fontFamily: '"JetBrains Mono Variable", ui-monospace, monospace', lineHeight: "1.55" },
  ".cm-gutters": { backgroundColor: "var(--raised)", color: "var(--dim)", border: "none" },
  ".cm-activeLine": { backgroundColor: "color-mix(in oklab, var(--accent) 6%, transparent)" },
  ".cm-cursor": { borderLeftColor: "var(--ink)" },
  "&.cm-focused": { outline: "2px solid var(--accent)", outlineOffset: "-2px" },
  ".cm-selectionBackground, &.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground": {
    backgroundColor: "color-mix(in oklab, var(--accent) 24%, transparent)",
  },
  ".cm-panels, .cm-tooltip": { backgroundColor: "var(--paper)", color: "var(--ink)", border: "1px solid var(--line)" },
});

const LANGUAGES = { yaml: () => yaml(), json: () => json(), python: () => python(), text: () => [] as Extension };

/** What comes from outside is no typing of the reader's. */
const Outside = Annotation.define<boolean>();

export function CodeMirror(props: Props) {
  const { label, value, language, findings, reveal, extensions } = props;
  const place = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const latest = useRef(props);
  latest.current = props;
  const extra = useRef(new Compartment());
  const editable = props.onChange !== undefined;
  useEffect(() => {
    const parent = place.current;
    if (!parent) return;
    const made = new EditorView({
      parent,
      state: EditorState.create({
        doc: latest.current.value,
        extensions: [
          lineNumbers(),
          foldGutter(),
          history(),
          drawSelection(),
          bracketMatching(),
          highlightActiveLine(),
          highlightSelectionMatches(),
          search({ top: true }),
          lintGutter(),
          indentUnit.of("  "),
          keymap.of([...defaultKeymap, ...historyKeymap, ...searchKeymap, ...foldKeymap, ...(editable ? [indentWithTab] : [])]),
          syntaxHighlighting(COLOURS),
          LOOK,
          LANGUAGES[language](),
          EditorView.lineWrapping,
          EditorView.contentAttributes.of({ "aria-label": label, tabindex: "0" }),
          EditorState.readOnly.of(!editable),
          extra.current.of(latest.current.extensions ?? []),
          EditorView.updateListener.of((update) => {
            const outside = update.transactions.some((t) => t.annotation(Outside));
            if (update.docChanged && !outside) latest.current.onChange?.(update.state.doc.toString());
            if (update.selectionSet && !outside) latest.current.onCursor?.(update.state.selection.main.head);
          }),
        ],
      }),
    });
    view.current = made;
    return () => made.destroy();
  }, [label, language, editable]);
  useEffect(() => {
    view.current?.dispatch({ effects: extra.current.reconfigure(extensions ?? []) });
  }, [extensions]);
  useEffect(() => {
    const now = view.current;
    if (now && now.state.doc.toString() !== value) now.dispatch({ changes: change(now.state.doc.toString(), value), annotations: Outside.of(true) });
  }, [value]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new text has lost the marks of the old one
  useEffect(() => {
    const now = view.current;
    if (!now) return;
    const end = now.state.doc.length;
    const shown: Diagnostic[] = (findings ?? []).map((f) => ({ ...f, from: Math.min(f.from, end), to: Math.min(f.to, end) }));
    now.dispatch(setDiagnostics(now.state, shown));
  }, [findings, value]);
  useEffect(() => {
    const now = view.current;
    if (!now || !reveal) return;
    const end = now.state.doc.length;
    const selection = { anchor: Math.min(reveal.from, end), head: Math.min(reveal.to, end) };
    now.dispatch({ selection, effects: EditorView.scrollIntoView(selection.anchor, { y: "center" }), annotations: Outside.of(true) });
  }, [reveal]);
  return <div ref={place} className="code" />;
}

/** Only the middle that differs, so that the cursor and the folds stay where they are. */
function change(before: string, after: string): { from: number; to: number; insert: string } {
  const least = Math.min(before.length, after.length);
  let start = 0;
  while (start < least && before[start] === after[start]) start++;
  let end = 0;
  while (end < least - start && before[before.length - 1 - end] === after[after.length - 1 - end]) end++;
  return { from: start, to: before.length - end, insert: after.slice(start, after.length - end) };
}
