/** What may be done with a run. */

import { useNavigate } from "@tanstack/react-router";
import { CircleStop, Copy, Pause, PenLine, Play, RotateCw, Trash2, X } from "lucide-react";
import { useState } from "react";
import { remove } from "../api/kube";
import { WORKFLOW, object } from "../api/resources";
import type { Workflow } from "../api/types";
import { Button } from "../ui/Button";
import { Confirm, Dialog } from "../ui/Dialog";
import { CheckField, TextField } from "../ui/Fields";
import { type Item, Menu } from "../ui/Menu";
import { attempt, complain, notify } from "../ui/toasts";
import { finished, resubmit, resume, retry, stop, suspend, terminate } from "./steering";

type Open = "delete" | "retry" | "resubmit" | null;

export function RunActions({ workflow, archived }: { workflow: Workflow; archived: boolean }) {
  const [open, setOpen] = useState<Open>(null);
  const over = finished(workflow);
  const close = () => setOpen(null);
  return (
    <>
      {over && workflow.status?.phase !== "Succeeded" && !archived ? (
        <Button Icon={RotateCw} look="primary" onClick={() => void attempt(retry(workflow), `${workflow.metadata.name} is retried`)}>
          Retry
        </Button>
      ) : null}
      {!over && workflow.spec.suspend ? (
        <Button Icon={Play} look="primary" onClick={() => void attempt(resume(workflow), "resumed")}>
          Resume
        </Button>
      ) : null}
      {!over && !workflow.spec.suspend ? (
        <Button Icon={CircleStop} onClick={() => void attempt(stop(workflow), "told to stop: exit handlers run")}>
          Stop
        </Button>
      ) : null}
      <More workflow={workflow} archived={archived} open={setOpen} />
      {open === "delete" ? <Delete workflow={workflow} onClose={close} /> : null}
      {open === "retry" ? <RetryDialog workflow={workflow} onClose={close} /> : null}
      {open === "resubmit" ? <ResubmitDialog workflow={workflow} archived={archived} onClose={close} /> : null}
    </>
  );
}

function More({ workflow, archived, open }: { workflow: Workflow; archived: boolean; open: (what: Open) => void }) {
  const navigate = useNavigate();
  const { namespace = "", name } = workflow.metadata;
  const over = finished(workflow);
  const items: Item[] = [
    { label: "Resubmit …", Icon: Copy, onSelect: () => open("resubmit") },
    ...(archived ? [] : live(workflow, over, open)),
    ...(archived ? [] : [{ label: "Open in the composer", Icon: PenLine, onSelect: () => void navigate({ to: `/${namespace}/composer/Workflow/${name}` as string }) }]),
    ...(archived ? [] : [{ label: "Delete …", Icon: Trash2, danger: true, onSelect: () => open("delete") }]),
  ];
  return <Menu label="More actions" items={items} />;
}

function live(workflow: Workflow, over: boolean, open: (what: Open) => void): Item[] {
  if (over) return [{ label: "Retry with choices …", Icon: RotateCw, onSelect: () => open("retry") }];
  return [
    ...(workflow.spec.suspend ? [] : [{ label: "Suspend", Icon: Pause, onSelect: () => void attempt(suspend(workflow), "suspended: nothing new begins") }]),
    { label: "Terminate", Icon: X, danger: true, onSelect: () => void attempt(terminate(workflow), "terminated") },
  ];
}

function Delete({ workflow, onClose }: { workflow: Workflow; onClose: () => void }) {
  const navigate = useNavigate();
  const { namespace = "", name } = workflow.metadata;
  return (
    <Confirm
      title={`Delete Workflow ${name}?`}
      verb="Delete"
      onClose={onClose}
      onConfirm={async () => {
        await remove(object(WORKFLOW, namespace, name));
        notify(`${name} deleted`);
        void navigate({ to: "/$namespace/workflows", params: { namespace } });
      }}
    >
      <p>Its pods and logs go with it. If it has ended it stays in the archive.</p>
    </Confirm>
  );
}

function RetryDialog({ workflow, onClose }: { workflow: Workflow; onClose: () => void }) {
  const [restart, setRestart] = useState(false);
  const [selector, setSelector] = useState("");
  return (
    <Dialog title={`Retry ${workflow.metadata.name}`} onClose={onClose}>
      <p>Steps that failed run again, with everything that came after them. What succeeded keeps its outputs.</p>
      <CheckField label="Run successful steps again too, those that this names:" checked={restart} onChange={setRestart} />
      <TextField
        label="Steps"
        value={selector}
        onChange={setSelector}
        disabled={!restart}
        placeholder="displayName=train"
        hint="A node field selector: displayName, templateName, phase, name, id"
      />
      <footer className="dialog-foot">
        <Button onClick={onClose}>Cancel</Button>
        <Button
          look="primary"
          disabled={restart && !selector}
          onClick={() =>
            void attempt(retry(workflow, restart ? { restartSuccessful: true, nodeFieldSelector: selector } : {}), "retried").then((done) => {
              if (done) onClose();
            })
          }
        >
          Retry
        </Button>
      </footer>
    </Dialog>
  );
}

function ResubmitDialog({ workflow, archived, onClose }: { workflow: Workflow; archived: boolean; onClose: () => void }) {
  const given = workflow.spec.arguments?.parameters ?? [];
  const [values, setValues] = useState<Record<string, string>>({});
  const [memoized, setMemoized] = useState(false);
  const navigate = useNavigate();
  async function go() {
    const parameters = Object.entries(values).map(([name, value]) => `${name}=${value}`);
    try {
      const made = await resubmit(workflow, { memoized, ...(parameters.length ? { parameters } : {}) }, archived);
      notify(`${made.metadata.name} submitted`);
      onClose();
      void navigate({ to: "/$namespace/workflows/$name", params: { namespace: workflow.metadata.namespace ?? "", name: made.metadata.name } });
    } catch (problem) {
      complain(problem);
    }
  }
  return (
    <Dialog title={`Resubmit ${workflow.metadata.name}`} onClose={onClose}>
      <p>A new run of the same document.</p>
      {given.map((p) => (
        <TextField
          key={p.name}
          label={p.name}
          value={values[p.name] ?? String(p.value ?? "")}
          hint={p.description}
          onChange={(value) => setValues({ ...values, [p.name]: value })}
        />
      ))}
      <CheckField label="Take over what succeeded (memoized)" checked={memoized} onChange={setMemoized} />
      <footer className="dialog-foot">
        <Button onClick={onClose}>Cancel</Button>
        <Button look="primary" onClick={() => void go()}>
          Resubmit
        </Button>
      </footer>
    </Dialog>
  );
}
