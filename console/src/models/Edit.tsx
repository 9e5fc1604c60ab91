/** What people say of a version: its description, its stage, names that point to it. Written by MLflow's own API. */

import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { KubeError, request } from "../api/kube";
import { Button } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import { SelectField, TextArea, TextField } from "../ui/Fields";
import { Problem } from "../ui/notes";
import { notify } from "../ui/toasts";
import { type Step, type Version, edits } from "./registry";

const STAGES = ["None", "Staging", "Production", "Archived"];

async function send({ method, path, body }: Step): Promise<void> {
  await request(`/api/2.0/mlflow/${path}`, { method, headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
}

export function Edit({ version, onClose }: { version: Version; onClose: () => void }) {
  const client = useQueryClient();
  const [description, setDescription] = useState(version.description ?? "");
  const [stage, setStage] = useState(version.stage ?? "None");
  const [aliases, setAliases] = useState((version.aliases ?? []).join(", "));
  const [error, setError] = useState<KubeError | null>(null);
  async function go() {
    setError(null);
    try {
      for (const step of edits(version, { description, stage, aliases: aliases.split(",").map((one) => one.trim()).filter(Boolean) })) await send(step);
      notify(`${version.model} ${version.version} is saved`);
      await client.invalidateQueries({ queryKey: ["models"] });
      onClose();
    } catch (problem) {
      setError(KubeError.of(problem));
    }
  }
  return (
    <Dialog title={`${version.model} ${version.version}`} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void go();
        }}
      >
        <TextArea label="Description" rows={3} value={description} onChange={setDescription} />
        <SelectField label="Stage" value={stage} options={STAGES.map((value) => ({ value, label: value === "None" ? "none" : value }))} onChange={setStage} />
        <TextField label="Aliases" value={aliases} placeholder="champion, blue" onChange={setAliases} hint="Names by which programs ask for it: models:/NAME@champion. Each points to one version." />
        {error ? <Problem error={error} /> : null}
        <footer className="dialog-foot">
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary">
            Save
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}
