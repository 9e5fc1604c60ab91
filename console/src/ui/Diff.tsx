/** Two texts side by side, with what differs. Load it lazily: it brings the editor along. */

import { yaml } from "@codemirror/lang-yaml";
import { MergeView } from "@codemirror/merge";
import { EditorState } from "@codemirror/state";
import { EditorView, lineNumbers } from "@codemirror/view";
import { useEffect, useRef } from "react";

interface Props {
  left: string;
  right: string;
  /** What the two are, for who cannot see which is where. */
  names: [string, string];
}

export function Diff({ left, right, names }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const [leftName, rightName] = names;
  useEffect(() => {
    if (!place.current) return;
    const extensions = (label: string) => [
      lineNumbers(), yaml(), EditorState.readOnly.of(true), EditorView.lineWrapping, EditorView.contentAttributes.of({ "aria-label": label }),
    ];
    const view = new MergeView({
      parent: place.current,
      a: { doc: left, extensions: extensions(leftName) },
      b: { doc: right, extensions: extensions(rightName) },
      collapseUnchanged: { margin: 3, minSize: 6 },
      gutter: true,
    });
    return () => view.destroy();
  }, [left, right, leftName, rightName]);
  return (
    <div className="diff">
      <p className="diff-names">
        <span>{leftName}</span>
        <span>{rightName}</span>
      </p>
      <div ref={place} className="diff-text" />
    </div>
  );
}
