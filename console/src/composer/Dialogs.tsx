/** Questions of the composer: a name, parameters of a run, what differs, who was faster. */

import { Suspense, lazy, useState } from "react";
import { KubeError } from "../api/kube";
import { Button } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import { SelectField, TextField } from "../ui/Fields";
import { Problem } from "../ui/notes";
import { obj } from "./ports/read";
import type { Base } from "./saving";

const Diff = lazy(() => import("../ui/Diff").then((m) => ({ default: m.Diff })));

type Doc = Record<string, unknown>;

/** Does it, and says beside the button why it was refused. */
function useDoing(): { busy: boolean; error: KubeError | null; go: (work: () => Promise<unknown>) => void } {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<KubeError | null>(null);
  return {
    busy,
    error,
    go: (work) => {
      setBusy(true);
      setError(null);
      void work()
        .catch((problem: unknown) => setError(KubeError.of(problem)))
        .finally(() => setBusy(false));
    },
  };
}

const KINDS = [
  { value: "WorkflowTemplate", label: "WorkflowTemplate: of this namespace" },
  { value: "ClusterWorkflowTemplate", label: "ClusterWorkflowTemplate: for every namespace" },
];

export function NameIt(props: { document: Doc; onClose: () => void; onName: (kind: string, name: string) => Promise<void> }) {
  const { document, onClose, onName } = props;
  const meta = obj(document.metadata);
  const workflow = document.kind === "Workflow";
  const [name, setName] = useState(String(meta.name ?? meta.generateName ?? "").replace(/-$/, ""));
  const [kind, setKind] = useState(workflow ? "WorkflowTemplate" : String(document.kind));
  const { busy, error, go } = useDoing();
  return (
    <Dialog title="Save" onClose={onClose}>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          go(() => onName(kind, name));
        }}
      >
        {workflow ? <SelectField label="As" hint="A Workflow is a run: what is kept is its template" value={kind} options={KINDS} onChange={setKind} /> : null}
        <TextField label="Name" value={name} onChange={setName} required pattern="[a-z0-9]([a-z0-9.\-]*[a-z0-9])?" title="Lower-case letters, digits and -" />
        {error ? <Problem error={error} /> : null}
        <footer className="dialog-foot">
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" disabled={busy || !name}>
            Save
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}

export function RunIt(props: { asked: Doc[]; onClose: () => void; onRun: (parameters: Record<string, string>) => Promise<unknown> }) {
  const { asked: all, onClose, onRun } = props;
  const [values, setValues] = useState<Record<string, string>>({});
  const { busy, error, go } = useDoing();
  const answer = (each: Doc) => values[String(each.name)] ?? String(each.value ?? each.default ?? "");
  return (
    <Dialog title="Run with" onClose={onClose}>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          go(() => onRun(Object.fromEntries(all.map((each) => [String(each.name), answer(each)]))));
        }}
      >
        {all.map((each) => {
          const name = String(each.name);
          const set = (value: string) => setValues({ ...values, [name]: value });
          const choices = Array.isArray(each.enum) ? each.enum.map(String) : null;
          const hint = String(each.description ?? "");
          return choices ? (
            <SelectField key={name} label={name} hint={hint} value={answer(each)} options={["", ...choices].map((value) => ({ value }))} onChange={set} />
          ) : (
            <TextField key={name} label={name} hint={hint} value={answer(each)} onChange={set} required={each.value === undefined && each.default === undefined} />
          );
        })}
        {error ? <Problem error={error} /> : null}
        <footer className="dialog-foot">
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" disabled={busy}>
            Run
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}

interface DifferenceProps {
  title: string;
  saved: string;
  mine: string;
  names: [string, string];
  onClose: () => void;
}

export function Difference({ title, saved, mine, names, onClose }: DifferenceProps) {
  return (
    <Dialog title={title} wide onClose={onClose}>
      <Suspense fallback={<div className="diff" />}>
        <Diff left={saved} right={mine} names={names} />
      </Suspense>
    </Dialog>
  );
}

interface ConflictProps {
  theirs: Base;
  mine: string;
  onClose: () => void;
  onTheirs: () => void;
  onMerge: () => void;
  onMine: () => Promise<void>;
}

export function Conflict({ theirs, mine, onClose, onTheirs, onMerge, onMine }: ConflictProps) {
  const { busy, error, go } = useDoing();
  return (
    <Dialog title="Somebody else has saved it meanwhile" wide onClose={onClose}>
      <p>Nothing was written. This is what differs between their version and yours.</p>
      <Suspense fallback={<div className="diff" />}>
        <Diff left={theirs.text} right={mine} names={["Theirs, saved", "Yours"]} />
      </Suspense>
      {error ? <Problem error={error} /> : null}
      <footer className="dialog-foot">
        <Button onClick={onClose}>Go on editing</Button>
        <Button onClick={onTheirs}>Take theirs</Button>
        <Button onClick={onMerge}>Merge both</Button>
        <Button look="danger" disabled={busy} onClick={() => go(onMine)}>
          Replace theirs with yours
        </Button>
      </footer>
    </Dialog>
  );
}
