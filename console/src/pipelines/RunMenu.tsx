import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useNamespace } from "../app/namespace";
import { Confirm } from "../ui/Dialog";
import { Menu } from "../ui/Menu";
import { attempt, notify } from "../ui/toasts";
import { type Run, drop, post } from "./kfp";
import { over } from "./spec";

export function RunMenu({ run, onGone }: { run: Run; onGone?: () => void }) {
  const namespace = useNamespace();
  const navigate = useNavigate();
  const client = useQueryClient();
  const [deleting, setDeleting] = useState(false);
  const path = `/runs/${run.run_id}`;
  const archived = run.storage_state === "ARCHIVED";
  const again = () => client.invalidateQueries({ queryKey: ["kfp"] });
  const act = (verb: string, done: string) => void attempt(post(`${path}:${verb}`), `${run.display_name} ${done}`).then(again);
  return (
    <>
      <Menu
        label={`Actions on ${run.display_name}`}
        items={[
          { label: "Clone", onSelect: () => void navigate({ to: "/$namespace/pipelines/new", params: { namespace }, search: { clone: run.run_id } }) },
          { label: "Retry", disabled: run.state !== "FAILED" && run.state !== "CANCELED", onSelect: () => act("retry", "goes on") },
          { label: "Terminate", disabled: over(run), onSelect: () => act("terminate", "is terminated") },
          archived
            ? { label: "Restore", onSelect: () => act("unarchive", "is restored") }
            : { label: "Archive", disabled: !over(run), onSelect: () => act("archive", "is archived") },
          { label: "Delete", danger: true, onSelect: () => setDeleting(true) },
        ]}
      />
      {deleting ? (
        <Confirm
          title={`Delete ${run.display_name}?`}
          verb="Delete"
          onClose={() => setDeleting(false)}
          onConfirm={async () => {
            await drop(path);
            notify(`${run.display_name} is deleted`);
            void again();
            onGone?.();
          }}
        >
          {over(run) ? "Its Workflow goes with it." : "It is still running: it ends, and its Workflow goes with it."}
        </Confirm>
      ) : null}
    </>
  );
}
