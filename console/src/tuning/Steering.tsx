/** What may be done with an experiment that runs or is over: more trials, fewer, another like it. */

import { Link } from "@tanstack/react-router";
import { Copy as Clone, Plus, Square } from "lucide-react";
import { useState } from "react";
import { KubeError, mergePatch } from "../api/kube";
import { object } from "../api/resources";
import { Button } from "../ui/Button";
import { Confirm, Dialog } from "../ui/Dialog";
import { TextField } from "../ui/Fields";
import { Problem } from "../ui/notes";
import { notify } from "../ui/toasts";
import { EXPERIMENT, type Experiment } from "./kinds";
import { ended } from "./results";

function patch({ metadata: { name, namespace = "" } }: Experiment, spec: object): Promise<unknown> {
  return mergePatch(object(EXPERIMENT, namespace, name), { spec });
}

export function Steering({ experiment }: { experiment: Experiment }) {
  const { name, namespace = "" } = experiment.metadata;
  const [open, setOpen] = useState<"more" | "stop" | null>(null);
  const over = ended(experiment);
  return (
    <>
      <Link to="/$namespace/experiments/new" params={{ namespace }} search={{ clone: name }} className="button">
        <Clone size={15} aria-hidden /> Clone
      </Link>
      <Button Icon={Plus} disabled={over && experiment.spec.resumePolicy === "Never"} title={over && experiment.spec.resumePolicy === "Never" ? "resumePolicy: Never. Clone it instead." : undefined} onClick={() => setOpen("more")}>
        More trials
      </Button>
      {over ? null : (
        <Button Icon={Square} onClick={() => setOpen("stop")}>
          Stop
        </Button>
      )}
      {open === "more" ? <More experiment={experiment} onClose={() => setOpen(null)} /> : null}
      {open === "stop" ? (
        <Confirm
          title={`Stop ${name}?`}
          verb="Stop"
          onClose={() => setOpen(null)}
          onConfirm={async () => {
            await patch(experiment, { maxTrialCount: Math.max(1, experiment.status?.trials ?? 1) });
            notify(`${name} begins no further trial`);
          }}
        >
          The trials that run are finished, none is begun after them. It can go on later with more trials.
        </Confirm>
      ) : null}
    </>
  );
}

const STEP = 10;

function More({ experiment, onClose }: { experiment: Experiment; onClose: () => void }) {
  const { spec, status } = experiment;
  const [most, setMost] = useState(String(Math.max(spec.maxTrialCount ?? 0, status?.trials ?? 0) + STEP));
  const [parallel, setParallel] = useState(String(spec.parallelTrialCount ?? 3));
  const [failed, setFailed] = useState(String(spec.maxFailedTrialCount ?? 0));
  const [error, setError] = useState<KubeError | null>(null);
  async function go() {
    try {
      await patch(experiment, { maxTrialCount: Number(most), parallelTrialCount: Number(parallel), maxFailedTrialCount: Number(failed) });
      notify(`${experiment.metadata.name} goes on to ${most} trials`);
      onClose();
    } catch (problem) {
      setError(KubeError.of(problem));
    }
  }
  return (
    <Dialog title={`More trials of ${experiment.metadata.name}`} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void go();
        }}
      >
        <div className="form-row">
          <TextField label="Trials in all" type="number" min={(status?.trials ?? 0) + 1} value={most} onChange={setMost} required hint={`${status?.trials ?? 0} so far.`} />
          <TextField label="At once" type="number" min={1} value={parallel} onChange={setParallel} required />
          <TextField label="May fail" type="number" min={0} value={failed} onChange={setFailed} required hint={`${status?.trialsFailed ?? 0} did so far.`} />
        </div>
        {error ? <Problem error={error} /> : null}
        <footer className="dialog-foot">
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary">
            Go on
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}
