/** Steps of the shown run that wait for a person: the drawing may be larger than the window, the question is not. */

import { useState } from "react";
import { Button } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import { Approve } from "../workflows/Approve";
import { waits } from "../workflows/story";
import type { RunHere } from "./RunBar";

export function RunAsks({ run: { workflow, nodes } }: { run: RunHere }) {
  const [open, setOpen] = useState("");
  const asked = [...nodes.values()].filter(waits);
  const chosen = asked.find((node) => node.id === open);
  return (
    <>
      {asked.map((node) => (
        <Button key={node.id} onClick={() => setOpen(node.id)}>
          {`Approve ${node.displayName}`}
        </Button>
      ))}
      {workflow && chosen ? (
        <Dialog title={`${workflow.metadata.name}: ${chosen.displayName}`} onClose={() => setOpen("")}>
          <Approve workflow={workflow} node={chosen} />
        </Dialog>
      ) : null}
    </>
  );
}
