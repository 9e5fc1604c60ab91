/** A note on the canvas: words for the next reader, kept in an annotation. */

import type { Node, NodeProps } from "@xyflow/react";
import { memo, useEffect, useRef, useState } from "react";

export interface NoteData extends Record<string, unknown> {
  text: string;
  onText: (text: string) => void;
  onChoose: () => void;
}

export type NoteFlowNode = Node<NoteData, "note">;

export const NoteNode = memo(function NoteNode({ data: { text, onText, onChoose }, selected }: NodeProps<NoteFlowNode>) {
  const [draft, setDraft] = useState(text);
  useEffect(() => setDraft(text), [text]);
  const field = useRef<HTMLTextAreaElement>(null);
  // One that was just made is written at once.
  // biome-ignore lint/correctness/useExhaustiveDependencies: when it appears, and never again
  useEffect(() => {
    if (selected && text === "") field.current?.focus({ preventScroll: true });
  }, []);
  return (
    <div className={selected ? "note note-selected" : "note"}>
      <textarea
        ref={field}
        onFocus={onChoose}
        aria-label="Note"
        className="nodrag nowheel"
        value={draft}
        placeholder="A note …"
        onChange={(e) => setDraft(e.target.value)}
        onBlur={() => {
          if (draft !== text) onText(draft);
        }}
      />
    </div>
  );
});
