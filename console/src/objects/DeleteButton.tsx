import { Trash2 } from "lucide-react";
import { useState } from "react";
import { remove } from "../api/kube";
import { type Resource, object } from "../api/resources";
import type { KubeObject } from "../api/types";
import { Button } from "../ui/Button";
import { Confirm } from "../ui/Dialog";
import { notify } from "../ui/toasts";

interface Props {
  of: Resource;
  item: KubeObject;
  /** What goes with it, in one sentence. */
  consequence: string;
  onDeleted?: () => void;
}

export function DeleteButton({ of, item, consequence, onDeleted }: Props) {
  const [asking, setAsking] = useState(false);
  const { name, namespace = "" } = item.metadata;
  return (
    <>
      <Button look="danger" Icon={Trash2} onClick={() => setAsking(true)}>
        Delete
      </Button>
      {asking ? (
        <Confirm
          title={`Delete ${of.kind} ${name}?`}
          verb="Delete"
          onClose={() => setAsking(false)}
          onConfirm={async () => {
            await remove(object(of, namespace, name));
            notify(`${of.kind} ${name} deleted`);
            onDeleted?.();
          }}
        >
          {consequence}
        </Confirm>
      ) : null}
    </>
  );
}
