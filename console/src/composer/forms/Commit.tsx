/** Fields that write when the reader is done with them: one gesture, one undo. */

import { useEffect, useState } from "react";
import { TextArea, TextField } from "../../ui/Fields";

interface Props {
  label: string;
  value: string;
  onCommit: (value: string) => void;
  hint?: string | undefined;
  error?: string | undefined;
  /** What is wrong with what stands in the field, while it is typed. */
  check?: (draft: string) => string | undefined;
  placeholder?: string | undefined;
  lines?: number;
  inputMode?: "text" | "numeric" | "decimal";
}

export function Commit({ label, value, onCommit, hint, error, check, placeholder, lines = 1, inputMode = "text" }: Props) {
  const [draft, setDraft] = useState(value);
  useEffect(() => setDraft(value), [value]);
  const commit = () => {
    if (draft !== value) onCommit(draft);
  };
  const more = { ...(hint ? { hint } : {}), error: check?.(draft) ?? error };
  if (lines > 1)
    return (
      // biome-ignore lint/a11y/noStaticElementInteractions: leaving the field inside is heard, nothing is done here
      <div onBlur={commit}>
        <TextArea label={label} value={draft} rows={lines} onChange={setDraft} {...more} />
      </div>
    );
  return (
    <TextField
      label={label}
      value={draft}
      onChange={setDraft}
      onBlur={commit}
      onKeyDown={(e) => {
        if (e.key === "Enter") commit();
        if (e.key !== "Escape" || draft === value) return;
        // The first Escape gives back what stood there, the next one leaves the form.
        e.stopPropagation();
        setDraft(value);
      }}
      placeholder={placeholder}
      inputMode={inputMode}
      {...more}
    />
  );
}
