/** A version goes into service: as an endpoint of its own, or as the next revision of one that is there. */

import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { KubeError, create, mergePatch } from "../api/kube";
import { collection, object, useMany } from "../api/resources";
import { useNamespace } from "../app/namespace";
import { SERVICE } from "../endpoints/kinds";
import { Button } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import { SelectField, TextField } from "../ui/Fields";
import { Slider } from "../ui/Slider";
import { Problem } from "../ui/notes";
import { notify } from "../ui/toasts";
import { type Version, home, numbers, revision, service, servingFormat } from "./registry";

const NEW = "";

export function Deploy({ version, onClose }: { version: Version; onClose: () => void }) {
  const namespace = home(version, useNamespace());
  const { items } = useMany(SERVICE, namespace);
  const [onto, setOnto] = useState(NEW);
  const [name, setName] = useState(() => version.model.toLowerCase().replace(/[^a-z0-9-]+/g, "-"));
  const [format, setFormat] = useState(() => servingFormat(version));
  const [percent, setPercent] = useState(10);
  const [error, setError] = useState<KubeError | null>(null);
  const navigate = useNavigate();
  const target = onto || name;

  async function go() {
    setError(null);
    const wanted = { name, format, uri: version.uri ?? "", ids: await numbers(version) };
    try {
      if (onto === NEW) await create(collection(SERVICE, namespace), service(wanted));
      else await mergePatch(object(SERVICE, namespace, onto), revision(wanted, percent));
      notify(`${version.model} ${version.version} goes into service as ${target}`);
      await navigate({ to: "/$namespace/endpoints/$name", params: { namespace, name: target } });
    } catch (problem) {
      setError(KubeError.of(problem));
    }
  }

  const said = (field: string) => error?.causes.find((cause) => cause.field === field)?.message;
  return (
    <Dialog title={`Deploy ${version.model} ${version.version}`} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void go();
        }}
      >
        <SelectField
          label="Endpoint"
          value={onto}
          options={[{ value: NEW, label: "a new one" }, ...items.map((e) => ({ value: e.metadata.name }))]}
          onChange={setOnto}
          hint={`In the namespace ${namespace}.`}
        />
        {onto === NEW ? (
          <TextField label="Name" value={name} onChange={setName} required error={said("metadata.name")} />
        ) : (
          <div className="field">
            <span className="field-label">Traffic to the new revision: {percent} %</span>
            <Slider label="Traffic to the new revision" value={percent} said={(n) => `${n} %`} onChange={setPercent} />
          </div>
        )}
        <TextField label="Model format" value={format} onChange={setFormat} required hint="Which runtime serves it: sklearn, xgboost, tensorflow, pytorch, onnx …" />
        {error ? <Problem error={error} /> : null}
        <footer className="dialog-foot">
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary">
            Deploy
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}
