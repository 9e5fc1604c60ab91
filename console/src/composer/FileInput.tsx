/** The browser's chooser of files: never seen, opened by a button or a menu that holds its `ref`. */

import type { Ref } from "react";

interface Choosing {
  label: string;
  ref: Ref<HTMLInputElement>;
  accept?: string;
}

interface FilesProps extends Choosing {
  multiple?: boolean;
  onFiles: (files: readonly File[]) => void;
}

export function FilesInput({ label, ref, onFiles, multiple = false, accept = ".yaml,.yml,.json" }: FilesProps) {
  return (
    <input
      ref={ref}
      type="file"
      className="hidden"
      aria-label={label}
      tabIndex={-1}
      accept={accept}
      multiple={multiple}
      onChange={(e) => {
        const files = [...(e.target.files ?? [])];
        e.target.value = "";
        onFiles(files);
      }}
    />
  );
}

interface FileProps extends Choosing {
  onText: (text: string, name: string) => void;
}

/** Of one document. */
export function FileInput({ onText, ...rest }: FileProps) {
  return <FilesInput {...rest} onFiles={([file]) => void file?.text().then((text) => onText(text, file.name))} />;
}
