import { X } from "lucide-react";
import { bytes } from "../objects/quantity";
import { Button, IconButton } from "../ui/Button";
import type { Upload } from "./uploads";

interface Props {
  uploads: Upload[];
  onOverwrite: (upload: Upload) => void;
  onForget: (id: number) => void;
}

export function Uploads({ uploads, onOverwrite, onForget }: Props) {
  if (uploads.length === 0) return null;
  return (
    <ul className="uploads" aria-label="Uploads">
      {uploads.map((each) => (
        <li key={each.id}>
          <span className="uploads-name">{each.path}</span>
          <span className="dim number">{bytes(each.file.size)}</span>
          <Standing upload={each} onOverwrite={() => onOverwrite(each)} />
          {each.state === "waiting" || each.state === "going" ? null : (
            <IconButton label={`Forget ${each.path}`} Icon={X} onClick={() => onForget(each.id)} />
          )}
        </li>
      ))}
    </ul>
  );
}

function Standing({ upload, onOverwrite }: { upload: Upload; onOverwrite: () => void }) {
  if (upload.state === "waiting" || upload.state === "going")
    return <progress max={1} value={upload.share} aria-label={`${upload.path}: progress`} />;
  if (upload.state === "done") return <span className="tone-good">uploaded</span>;
  return (
    <>
      <span className="tone-bad">{upload.says}</span>
      {upload.state === "taken" ? <Button onClick={onOverwrite}>Overwrite</Button> : null}
    </>
  );
}
