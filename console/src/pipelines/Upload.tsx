/** A compiled pipeline, or the next version of one: a file, what is pasted, or an address that the server fetches. */

import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Upload as Arrow } from "lucide-react";
import { useId, useState } from "react";
import { KubeError } from "../api/kube";
import { useNamespace } from "../app/namespace";
import { Button } from "../ui/Button";
import { Code } from "../ui/Code";
import { Dialog } from "../ui/Dialog";
import { TextField } from "../ui/Fields";
import { Segments } from "../ui/Page";
import { Problem } from "../ui/notes";
import { notify } from "../ui/toasts";
import { type Pipeline, fetchPipeline, fetchVersion, upload, uploadVersion } from "./kfp";
import { pipelineName } from "./spec";

const SOURCES = ["File", "Paste", "Address"] as const;
type Source = (typeof SOURCES)[number];

/** With `onto`, the next version of that one. */
export function Upload({ onto }: { onto?: Pipeline }) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button Icon={Arrow} onClick={() => setOpen(true)}>
        {onto ? "Upload version" : "Upload pipeline"}
      </Button>
      {open ? <Choosing onto={onto} onClose={() => setOpen(false)} /> : null}
    </>
  );
}

function Choosing({ onto, onClose }: { onto: Pipeline | undefined; onClose: () => void }) {
  const namespace = useNamespace();
  const navigate = useNavigate();
  const client = useQueryClient();
  const [source, setSource] = useState<Source>("File");
  const [file, setFile] = useState<File | null>(null);
  const [text, setText] = useState("");
  const [address, setAddress] = useState("");
  const [name, setName] = useState("");
  const [description, setDescription] = useState("");
  const [error, setError] = useState<KubeError | null>(null);
  const [busy, setBusy] = useState(false);

  async function go() {
    setError(null);
    setBusy(true);
    try {
      const id = await send();
      notify(onto ? `${onto.display_name} has the version ${name}` : `${name} is uploaded`);
      await client.invalidateQueries({ queryKey: ["kfp"] });
      onClose();
      await navigate({ to: "/$namespace/pipelines/$id", params: { namespace, id }, search: onto ? { tab: "versions" } : {} });
    } catch (problem) {
      setError(KubeError.of(problem));
      setBusy(false);
    }
  }

  async function send(): Promise<string> {
    if (source === "Address") return fetched(onto, name, description, address);
    const what = source === "File" ? file : text;
    if (!what) throw new Error(source === "File" ? "Choose a file first." : "Paste what `kfp dsl compile` wrote.");
    if (!onto) return (await upload(name, description, what)).pipeline_id;
    await uploadVersion(onto.pipeline_id, name, description, what);
    return onto.pipeline_id;
  }

  /** A name that nobody has typed comes from what was chosen. */
  const suggest = (found: string) => {
    if (!name && !onto) setName(found);
  };

  return (
    <Dialog title={onto ? `New version of ${onto.display_name}` : "Upload pipeline"} wide={source === "Paste"} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void go();
        }}
      >
        <p>
          <Segments label="Where it comes from" options={SOURCES} value={source} onChange={setSource} />
        </p>
        {source === "File" ? (
          <FileField
            onChange={(chosen) => {
              setFile(chosen);
              if (chosen) suggest(chosen.name.replace(/\.(ya?ml|json|zip|tar\.gz|tgz)$/, ""));
            }}
          />
        ) : null}
        {source === "Paste" ? (
          <div className="pasted">
            <Code
              label="Compiled pipeline"
              language="yaml"
              value={text}
              onChange={(next) => {
                setText(next);
                suggest(pipelineName(next));
              }}
            />
          </div>
        ) : null}
        {source === "Address" ? <TextField label="Address" type="url" value={address} required placeholder="https://…/pipeline.yaml" onChange={setAddress} hint="The server fetches it." /> : null}
        <TextField label="Name" value={name} onChange={setName} required autoComplete="off" placeholder={onto ? "v2" : ""} hint={onto ? "Versions of a pipeline have names of their own." : undefined} />
        <TextField label="Description" value={description} onChange={setDescription} />
        {error ? <Problem error={error} /> : null}
        <footer className="dialog-foot">
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" disabled={busy}>
            Upload
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}

/** The id of the pipeline that it went to. */
async function fetched(onto: Pipeline | undefined, name: string, description: string, address: string): Promise<string> {
  if (!onto) return (await fetchPipeline(name, description, address)).pipeline_id;
  await fetchVersion(onto.pipeline_id, name, description, address);
  return onto.pipeline_id;
}

function FileField({ onChange }: { onChange: (file: File | null) => void }) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>Compiled pipeline</label>
      <input id={id} type="file" accept=".yaml,.yml,.json,.zip,.gz,.tgz" required onChange={(e) => onChange(e.target.files?.[0] ?? null)} />
      <p className="field-hint">YAML as kfp writes it, or a zip or tar.gz of it.</p>
    </div>
  );
}
