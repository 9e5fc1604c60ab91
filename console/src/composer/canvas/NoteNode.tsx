/** A note on the canvas: words for the next reader, kept in an annotation. */

import type { Node, NodeProps } from "@xyflow/react";
import { memo, useEffect, useState } from "react";

export interface NoteData extends Record<string, unknown> {
  text: string;
  onText: (text: string) => void;
}

export type NoteFlowNode = Node<NoteData, "note">;

export const NoteNode = memo(function NoteNode({ data: { text, onText }, selected }: NodeProps<NoteFlowNode>) {
  const [draft, setDraft] = useState(text);
  useEffect(() => setDraft(text), [text]);
  return (
    <div className={selected ? "note note-selected" : "note"}>
      <textarea
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
