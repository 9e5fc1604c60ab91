import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Upload as Arrow } from "lucide-react";
import { useState } from "react";
import { KubeError } from "../api/kube";
import { useNamespace } from "../app/namespace";
import { Button } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import { TextField } from "../ui/Fields";
import { Problem } from "../ui/notes";
import { upload } from "./kfp";

/** A compiled pipeline, as `kfp` writes it. */
export function Upload() {
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button look="primary" Icon={Arrow} onClick={() => setOpen(true)}>
        Upload pipeline
      </Button>
      {open ? <Choosing onClose={() => setOpen(false)} /> : null}
    </>
  );
}

function Choosing({ onClose }: { onClose: () => void }) {
  const namespace = useNamespace();
  const navigate = useNavigate();
  const client = useQueryClient();
  const [name, setName] = useState("");
  const [file, setFile] = useState<File | null>(null);
  const [error, setError] = useState<KubeError | null>(null);

  async function go() {
    if (!file) return;
    try {
      const made = await upload(name, await file.text());
      await client.invalidateQueries({ queryKey: ["kfp"] });
      await navigate({ to: "/$namespace/pipelines/$id", params: { namespace, id: made.pipeline_id } });
    } catch (problem) {
      setError(KubeError.of(problem));
    }
  }

  return (
    <Dialog title="Upload pipeline" onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void go();
        }}
      >
        <div className="field">
          <label htmlFor="pipeline-file">Compiled pipeline (YAML)</label>
          <input
            id="pipeline-file"
            type="file"
            accept=".yaml,.yml,.json"
            required
            onChange={(e) => {
              const chosen = e.target.files?.[0] ?? null;
              setFile(chosen);
              if (chosen && !name) setName(chosen.name.replace(/\.(ya?ml|json)$/, ""));
            }}
          />
        </div>
        <TextField label="Name" value={name} onChange={setName} required />
        {error ? <Problem error={error} /> : null}
        <footer className="dialog-foot">
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary">
            Upload
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}
