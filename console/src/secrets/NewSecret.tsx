/** A new secret: any keys, the login of a registry, or what KServe needs to read a model from S3. */

import { useState } from "react";
import { KubeError, create, get, mergePatch } from "../api/kube";
import { collection, object, resource } from "../api/resources";
import type { KubeObject } from "../api/types";
import { Button } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import { CheckField, TextField } from "../ui/Fields";
import { Segments } from "../ui/Page";
import { Problem } from "../ui/notes";
import { notify } from "../ui/toasts";
import { Pairs } from "./EditEntries";
import { BLANK, SECRET, type SecretForm, keyProblem, secretDocument } from "./entries";

const KINDS = ["Keys and values", "Registry login", "S3 for KServe"] as const;
const OF: Record<(typeof KINDS)[number], SecretForm["kind"]> = {
  "Keys and values": "opaque", "Registry login": "registry", "S3 for KServe": "s3",
};

interface Account extends KubeObject {
  secrets?: { name: string }[];
}

const ACCOUNT = resource<Account>("v1", "serviceaccounts", "ServiceAccount");

export function NewSecret({ namespace, onClose }: { namespace: string; onClose: () => void }) {
  const [form, setForm] = useState<SecretForm>(BLANK.opaque);
  const [error, setError] = useState<KubeError | null>(null);
  const kind = KINDS.find((each) => OF[each] === form.kind) ?? "Keys and values";
  async function submit() {
    setError(null);
    try {
      await create(collection(SECRET, namespace), secretDocument(form, namespace));
      if (form.kind === "s3" && form.account) await given(namespace, form.name);
      notify(`Secret ${form.name} created`);
      onClose();
    } catch (problem) {
      setError(KubeError.of(problem));
    }
  }
  const unfit = form.kind === "opaque" && form.pairs.some((pair) => keyProblem(pair.key, form.pairs));
  return (
    <Dialog title="New secret" wide onClose={onClose}>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          void submit();
        }}
      >
        <p>
          <Segments label="Type of secret" options={KINDS} value={kind} onChange={(each) => setForm({ ...BLANK[OF[each]], name: form.name })} />
        </p>
        <TextField label="Name" value={form.name} required autoFocus autoComplete="off" onChange={(name) => setForm({ ...form, name })} />
        <Fields form={form} onChange={setForm} />
        {error ? <Problem error={error} /> : null}
        <footer className="dialog-foot">
          <Button look="primary" type="submit" disabled={unfit}>
            Create
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}

/** KServe finds credentials through the secrets of the predictor's account. */
async function given(namespace: string, secret: string): Promise<void> {
  const path = object(ACCOUNT, namespace, "default");
  const { metadata, secrets = [] } = await get<Account>(path);
  await mergePatch(path, { metadata: { resourceVersion: metadata.resourceVersion }, secrets: [...secrets, { name: secret }] });
}

interface FieldsProps<F extends SecretForm = SecretForm> {
  form: F;
  onChange: (form: SecretForm) => void;
}

function Fields({ form, onChange }: FieldsProps) {
  if (form.kind === "registry") return <RegistryFields form={form} onChange={onChange} />;
  if (form.kind === "s3") return <S3Fields form={form} onChange={onChange} />;
  return <Pairs pairs={form.pairs} onChange={(pairs) => onChange({ ...form, pairs })} />;
}

function RegistryFields({ form, onChange }: FieldsProps<Extract<SecretForm, { kind: "registry" }>>) {
  return (
    <div className="form-row">
      <TextField label="Server" value={form.server} required placeholder="registry.example.com" onChange={(server) => onChange({ ...form, server })} />
      <TextField label="User" value={form.user} required autoComplete="off" onChange={(user) => onChange({ ...form, user })} />
      <TextField label="Password or token" value={form.password} required type="password" autoComplete="new-password" onChange={(password) => onChange({ ...form, password })} />
      <TextField label="E-mail" value={form.email} onChange={(email) => onChange({ ...form, email })} />
    </div>
  );
}

function S3Fields({ form, onChange }: FieldsProps<Extract<SecretForm, { kind: "s3" }>>) {
  return (
    <>
      <div className="form-row">
        <TextField label="Access key" value={form.id} required autoComplete="off" onChange={(id) => onChange({ ...form, id })} />
        <TextField label="Secret key" value={form.key} required type="password" autoComplete="new-password" onChange={(key) => onChange({ ...form, key })} />
      </div>
      <div className="form-row">
        <TextField label="Endpoint" value={form.endpoint} placeholder="s3.amazonaws.com" hint="Host and port; empty for Amazon's" onChange={(endpoint) => onChange({ ...form, endpoint })} />
        <TextField label="Region" value={form.region} onChange={(region) => onChange({ ...form, region })} />
      </div>
      <CheckField label="Over HTTPS" checked={form.https} onChange={(https) => onChange({ ...form, https })} />
      <CheckField label="For every endpoint of the namespace (joined to its default account)" checked={form.account} onChange={(account) => onChange({ ...form, account })} />
    </>
  );
}
