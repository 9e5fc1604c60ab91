/** What may be done with several runs at once. */

import { Link } from "@tanstack/react-router";
import { Octagon, RotateCw, Trash2, X } from "lucide-react";
import { useState } from "react";
import { KubeError } from "../api/kube";
import type { Workflow } from "../api/types";
import { Button } from "../ui/Button";
import { Confirm } from "../ui/Dialog";
import { Toolbar } from "../ui/Page";
import { complain, notify } from "../ui/toasts";
import { erase, finished, resubmit, stop, terminate } from "./steering";

const AT_ONCE = 8;

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

export function Bulk({ runs, archived, onDone }: { runs: Workflow[]; archived: boolean; onDone: () => void }) {
  const [asking, setAsking] = useState(false);
  const going = runs.filter((run) => !finished(run));
  const act = (of: Workflow[], done: string, how: (run: Workflow) => Promise<unknown>) => void each(of, done, how).then(onDone);
  const first = runs[0]?.metadata.namespace ?? "";
  return (
    <Toolbar>
      <strong className="number" role="status">
        {runs.length} chosen
      </strong>
      {runs.length > 1 && !archived ? (
        <Link
          className="button button-plain"
          to="/$namespace/workflows/compare"
          params={{ namespace: first }}
          search={{ runs: runs.map((run) => run.metadata.name).join(",") }}
        >
          Compare
        </Link>
      ) : null}
      <Button Icon={RotateCw} onClick={() => act(runs, "resubmitted", (run) => resubmit(run, {}, archived))}>
        Resubmit
      </Button>
      {archived ? null : (
        <>
          <Button Icon={Octagon} disabled={!going.length} onClick={() => act(going, "told to stop", stop)}>
            Stop
          </Button>
          <Button Icon={X} disabled={!going.length} onClick={() => act(going, "terminated", terminate)}>
            Terminate
          </Button>
          <Button look="danger" Icon={Trash2} onClick={() => setAsking(true)}>
            Delete
          </Button>
        </>
      )}
      <Button look="ghost" onClick={onDone}>
        Choose none
      </Button>
      {asking ? (
        <Confirm
          title={`Delete ${runs.length === 1 ? "this run" : `these ${runs.length} runs`}?`}
          verb="Delete"
          onConfirm={() => each(runs, "deleted", erase).then(onDone)}
          onClose={() => setAsking(false)}
        >
          <p>Their pods and logs go with them. Runs that have ended stay in the archive.</p>
        </Confirm>
      ) : null}
    </Toolbar>
  );
}
