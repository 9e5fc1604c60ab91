/** Keys and values in a form: of a new ConfigMap, or of anything that is there. Only what was changed is written. */

import { Plus, X } from "lucide-react";
import { useState } from "react";
import { KubeError, create, mergePatch } from "../api/kube";
import { type Resource, collection, object } from "../api/resources";
import { Button, IconButton } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import { TextField } from "../ui/Fields";
import { Problem } from "../ui/notes";
import { notify } from "../ui/toasts";
import { type ConfigMap, type Pair, type Secret, changed, data, decoded, encoded, keyProblem } from "./entries";

interface Props {
  of: Resource;
  namespace: string;
  /** Without it, a new one is made. */
  item?: Secret | ConfigMap;
  onClose: () => void;
}

export function EditEntries({ of, namespace, item, onClose }: Props) {
  const secret = of.kind === "Secret";
  const [name, setName] = useState(item?.metadata.name ?? "");
  const [pairs, setPairs] = useState<Pair[]>(() => pairsOf(item, secret));
  const [error, setError] = useState<KubeError | null>(null);
  async function submit() {
    setError(null);
    try {
      const wanted = secret ? encodedAll(data(pairs)) : data(pairs);
      if (item) await save(of, namespace, item, wanted);
      else await create(collection(of, namespace), { apiVersion: "v1", kind: of.kind, metadata: { name, namespace }, data: wanted });
      notify(`${of.kind} ${name} ${item ? "saved" : "created"}`);
      onClose();
    } catch (problem) {
      setError(KubeError.of(problem));
    }
  }
  return (
    <Dialog title={item ? `Edit ${name}` : `New ${of.kind}`} wide onClose={onClose}>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          void submit();
        }}
      >
        {item ? null : <TextField label="Name" value={name} required autoFocus autoComplete="off" onChange={setName} />}
        <Pairs pairs={pairs} onChange={setPairs} />
        {error ? <Problem error={error} /> : null}
        <footer className="dialog-foot">
          <Button look="primary" type="submit" disabled={pairs.some((pair) => keyProblem(pair.key, pairs))}>
            {item ? "Save" : "Create"}
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}

/** What somebody else changed meanwhile is not overwritten: then the server refuses. */
function save(of: Resource, namespace: string, item: Secret | ConfigMap, wanted: Record<string, string>): Promise<unknown> {
  const { name, resourceVersion } = item.metadata;
  return mergePatch(object(of, namespace, name), { metadata: { resourceVersion }, data: changed(item.data ?? {}, wanted) });
}

function pairsOf(item: Secret | ConfigMap | undefined, secret: boolean): Pair[] {
  const found = Object.entries(item?.data ?? {}).map(([key, value]) => ({ key, value: secret ? decoded(value) : value }));
  const texts = found.flatMap(({ key, value }) => (value === undefined ? [] : [{ key, value }]));
  return texts.length ? texts : [{ key: "", value: "" }];
}

function encodedAll(values: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, encoded(value)]));
}

export function Pairs({ pairs, onChange }: { pairs: Pair[]; onChange: (pairs: Pair[]) => void }) {
  const set = (at: number, change: Partial<Pair>) => onChange(pairs.map((pair, i) => (i === at ? { ...pair, ...change } : pair)));
  return (
    <fieldset className="pairs">
      <legend className="hidden">Keys and values</legend>
      {pairs.map((pair, i) => (
        <div key={i} className="entry-pair">
          <input
            aria-label={`Key ${i + 1}`}
            placeholder="key"
            className="mono"
            value={pair.key}
            autoComplete="off"
            aria-invalid={Boolean(pair.key && keyProblem(pair.key, pairs))}
            title={pair.key ? keyProblem(pair.key, pairs) : undefined}
            onChange={(e) => set(i, { key: e.target.value })}
          />
          <textarea
            aria-label={`Value ${i + 1}`}
            placeholder="value"
            className="mono"
            rows={Math.min(8, pair.value.split("\n").length)}
            value={pair.value}
            spellCheck={false}
            onChange={(e) => set(i, { value: e.target.value })}
          />
          <IconButton label={`Without ${pair.key || `key ${i + 1}`}`} Icon={X} onClick={() => onChange(pairs.filter((_, at) => at !== i))} />
        </div>
      ))}
      <Button Icon={Plus} onClick={() => onChange([...pairs, { key: "", value: "" }])}>
        Add a key
      </Button>
    </fieldset>
  );
}
