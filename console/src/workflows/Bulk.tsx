/** What may be done with several runs at once. */

import { Link } from "@tanstack/react-router";
import { Archive, CircleStop, Copy, Pause, Play, RotateCw, Trash2, X } from "lucide-react";
import { useState } from "react";
import { KubeError } from "../api/kube";
import type { Workflow } from "../api/types";
import { Button } from "../ui/Button";
import { Confirm } from "../ui/Dialog";
import { CheckField } from "../ui/Fields";
import { type Item, Menu } from "../ui/Menu";
import { Toolbar } from "../ui/Page";
import { complain, notify } from "../ui/toasts";
import { erase, finished, forget, resubmit, resume, retry, stop, suspend, terminate } from "./steering";

const AT_ONCE = 8;
/** More columns than this nobody compares. */
const COMPARED = 20;

/** Each on its own: one refusal stops nothing, and is told. */
async function each(runs: Workflow[], done: string, act: (run: Workflow) => Promise<unknown>): Promise<void> {
  const waiting = [...runs];
  const refused: string[] = [];
  const work = async () => {
    for (let run = waiting.shift(); run; run = waiting.shift()) {
      const { name } = run.metadata;
      await act(run).catch((problem) => refused.push(`${name}: ${KubeError.of(problem).message}`));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  if (refused.length < runs.length) notify(`${runs.length - refused.length} ${done}`);
  if (refused.length) complain(new KubeError(0, "", refused.slice(0, 3).join("; ")));
}

interface Props {
  runs: Workflow[];
  archived: boolean;
  onDone: () => void;
}

export function Bulk({ runs, archived, onDone }: Props) {
  const [asking, setAsking] = useState<"archive" | "delete" | null>(null);
  const going = runs.filter((run) => !finished(run));
  const over = runs.filter(finished);
  const act = (of: Workflow[], done: string, how: (run: Workflow) => Promise<unknown>) => void each(of, done, how).then(onDone);
  const close = () => setAsking(null);
  return (
    <Toolbar>
      <strong className="number bulk-count" role="status">
        {runs.length.toLocaleString()} chosen
      </strong>
      {archived ? null : <CompareLink runs={runs} />}
      <Button Icon={Copy} onClick={() => act(runs, "resubmitted", (run) => resubmit(run, {}, archived))}>
        Resubmit
      </Button>
      {archived ? null : (
        <>
          <Button Icon={CircleStop} disabled={!going.length} onClick={() => act(going, "told to stop", stop)}>
            Stop
          </Button>
          <Button Icon={Archive} disabled={!over.length} onClick={() => setAsking("archive")}>
            Archive
          </Button>
        </>
      )}
      <Button look="danger" Icon={Trash2} onClick={() => setAsking("delete")}>
        Delete
      </Button>
      {archived ? null : <Menu label="More for the chosen" items={further(runs, act)} />}
      <Button look="ghost" onClick={onDone}>
        Choose none
      </Button>
      {asking === "archive" ? <ToArchive runs={over} left={going.length} onDone={onDone} onClose={close} /> : null}
      {asking === "delete" ? <Away runs={runs} archived={archived} onDone={onDone} onClose={close} /> : null}
    </Toolbar>
  );
}

/** What fits none of the chosen cannot be chosen. */
function further(runs: Workflow[], act: (of: Workflow[], done: string, how: (run: Workflow) => Promise<unknown>) => void): Item[] {
  const failed = runs.filter((run) => finished(run) && run.status?.phase !== "Succeeded");
  const going = runs.filter((run) => !finished(run));
  const held = going.filter((run) => run.spec.suspend);
  const free = going.filter((run) => !run.spec.suspend);
  return [
    { label: "Retry the failed", Icon: RotateCw, disabled: !failed.length, onSelect: () => act(failed, "retried", (run) => retry(run)) },
    { label: "Suspend", Icon: Pause, disabled: !free.length, onSelect: () => act(free, "suspended", suspend) },
    { label: "Resume", Icon: Play, disabled: !held.length, onSelect: () => act(held, "resumed", resume) },
    { label: "Terminate", Icon: X, danger: true, disabled: !going.length, onSelect: () => act(going, "terminated", terminate) },
  ];
}

function CompareLink({ runs }: { runs: Workflow[] }) {
  if (runs.length < 2 || runs.length > COMPARED) return null;
  return (
    <Link
      className="button button-plain"
      to="/$namespace/workflows/compare"
      params={{ namespace: runs[0]?.metadata.namespace ?? "" }}
      search={{ runs: runs.map((run) => run.metadata.name).join(",") }}
    >
      Compare
    </Link>
  );
}

const these = (runs: Workflow[]): string => (runs.length === 1 ? (runs[0]?.metadata.name ?? "") : `${runs.length.toLocaleString()} runs`);

interface AskProps {
  runs: Workflow[];
  onDone: () => void;
  onClose: () => void;
}

function ToArchive({ runs, left, onDone, onClose }: AskProps & { left: number }) {
  return (
    <Confirm title={`Archive ${these(runs)}?`} verb="Archive" onConfirm={() => each(runs, "archived", erase).then(onDone)} onClose={onClose}>
      <p>They leave the list; what they were and how they ended stays in the archive. Their pods and logs go.</p>
      {left ? <p>{left === 1 ? "One that has" : `${left} that have`} not ended stay where they are.</p> : null}
    </Confirm>
  );
}

function Away({ runs, archived, onDone, onClose }: AskProps & { archived: boolean }) {
  const [everywhere, setEverywhere] = useState(archived);
  const act = async (run: Workflow) => {
    if (!archived) await erase(run);
    if (everywhere && (archived || finished(run))) await forget(run);
  };
  return (
    <Confirm title={`Delete ${these(runs)}?`} verb="Delete" onConfirm={() => each(runs, "deleted", act).then(onDone)} onClose={onClose}>
      {archived ? (
        <p>They are taken out of the archive. There is no way back.</p>
      ) : (
        <>
          <p>Their pods and logs go with them. Runs that have ended stay in the archive.</p>
          <CheckField label="Delete them from the archive, too" checked={everywhere} onChange={setEverywhere} />
        </>
      )}
    </Confirm>
  );
}
