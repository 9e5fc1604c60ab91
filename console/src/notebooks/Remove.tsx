/** A notebook is deleted; its volumes stay unless one is chosen to go with it. */

import { Trash2 } from "lucide-react";
import { useState } from "react";
import { remove } from "../api/kube";
import { CLAIM, POD, object, useMany } from "../api/resources";
import type { Pod } from "../api/types";
import { Button, IconButton } from "../ui/Button";
import { Confirm } from "../ui/Dialog";
import { CheckField } from "../ui/Fields";
import { notify } from "../ui/toasts";
import { NOTEBOOK, type NotebookObject } from "./kinds";
import { claims, users } from "./state";

interface Props {
  notebook: NotebookObject;
  small?: boolean;
  onDeleted?: () => void;
}

export function Remove({ notebook, small = false, onDeleted }: Props) {
  const [asking, setAsking] = useState(false);
  const { name } = notebook.metadata;
  return (
    <>
      {small ? (
        <IconButton label={`Delete ${name}`} Icon={Trash2} onClick={() => setAsking(true)} />
      ) : (
        <Button look="danger" Icon={Trash2} onClick={() => setAsking(true)}>
          Delete
        </Button>
      )}
      {asking ? <Asking notebook={notebook} onClose={() => setAsking(false)} {...(onDeleted ? { onDeleted } : {})} /> : null}
    </>
  );
}

function Asking({ notebook, onDeleted, onClose }: { notebook: NotebookObject; onDeleted?: () => void; onClose: () => void }) {
  const { name, namespace = "" } = notebook.metadata;
  const pods = useMany(POD, namespace).items as (Pod & { spec: { volumes?: { persistentVolumeClaim?: { claimName: string } }[] } })[];
  const [going, setGoing] = useState<ReadonlySet<string>>(new Set());
  const mounted = claims(notebook);
  const turn = (claim: string, on: boolean) => {
    const next = new Set(going);
    if (on) next.add(claim);
    else next.delete(claim);
    setGoing(next);
  };
  return (
    <Confirm
      title={`Delete notebook ${name}?`}
      verb={going.size ? `Delete with ${going.size === 1 ? "its volume" : `${going.size} volumes`}` : "Delete"}
      onClose={onClose}
      onConfirm={async () => {
        await remove(object(NOTEBOOK, namespace, name));
        for (const claim of going) await remove(object(CLAIM, namespace, claim));
        notify(`Notebook ${name} deleted`);
        onDeleted?.();
      }}
    >
      <p>What runs in it ends.{mounted.length ? " Its volumes stay, unless you choose that they go, too:" : ""}</p>
      {mounted.map(({ claim, path }) => {
        const others = users(pods, claim, name);
        return <CheckField key={claim} label={`${claim}, at ${path}${others.length ? `: used by ${others.join(", ")} as well` : ""}`} checked={going.has(claim)} onChange={(on) => turn(claim, on)} />;
      })}
    </Confirm>
  );
}
