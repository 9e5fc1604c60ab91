import { Trash2 } from "lucide-react";
import { useState } from "react";
import { remove } from "../api/kube";
import { type Resource, object } from "../api/resources";
import type { KubeObject } from "../api/types";
import { Button, IconButton } from "../ui/Button";
import { Confirm } from "../ui/Dialog";
import { notify } from "../ui/toasts";

interface Props {
  of: Resource;
  item: KubeObject;
  /** What goes with it, in one sentence. */
  consequence: string;
  onDeleted?: () => void;
}

export function DeleteButton(props: Props) {
  const [asking, setAsking] = useState(false);
  return (
    <>
      <Button look="danger" Icon={Trash2} onClick={() => setAsking(true)}>
        Delete
      </Button>
      {asking ? <Asking {...props} onClose={() => setAsking(false)} /> : null}
    </>
  );
}

/** The same in a table's row. */
export function DeleteIcon(props: Props) {
  const [asking, setAsking] = useState(false);
  return (
    <>
      <IconButton label={`Delete ${props.item.metadata.name}`} Icon={Trash2} onClick={() => setAsking(true)} />
      {asking ? <Asking {...props} onClose={() => setAsking(false)} /> : null}
    </>
  );
}

function Asking({ of, item, consequence, onDeleted, onClose }: Props & { onClose: () => void }) {
  const { name, namespace = "" } = item.metadata;
  return (
    <Confirm
      title={`Delete ${of.kind} ${name}?`}
      verb="Delete"
      onClose={onClose}
      onConfirm={async () => {
        await remove(object(of, namespace, name));
        notify(`${of.kind} ${name} deleted`);
        onDeleted?.();
      }}
    >
      {consequence}
    </Confirm>
  );
}
