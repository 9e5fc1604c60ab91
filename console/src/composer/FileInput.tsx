/** The browser's chooser of a document: never seen, opened by a button or a menu that holds its `ref`. */

import type { Ref } from "react";

interface Props {
  label: string;
  ref: Ref<HTMLInputElement>;
  onText: (text: string, name: string) => void;
  accept?: string;
}

export function FileInput({ label, ref, onText, accept = ".yaml,.yml,.json" }: Props) {
  return (
    <input
      ref={ref}
      type="file"
      className="hidden"
      aria-label={label}
      tabIndex={-1}
      accept={accept}
      onChange={(e) => {
        const file = e.target.files?.[0];
        e.target.value = "";
        if (file) void file.text().then((text) => onText(text, file.name));
      }}
    />
  );
}
