/** The keys of one Secret or ConfigMap; a hidden value is shown when somebody asks for this very one. */

import { Eye, EyeOff, Pencil } from "lucide-react";
import { useState } from "react";
import type { Resource } from "../api/resources";
import { bytes } from "../objects/quantity";
import { Button, IconButton } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import { EditEntries } from "./EditEntries";
import { type ConfigMap, type Secret, decoded, sizeOf } from "./entries";

interface Props {
  of: Resource;
  item: Secret | ConfigMap;
  hidden?: boolean;
  onClose: () => void;
}

export function Shown({ of, item, hidden = false, onClose }: Props) {
  const [editing, setEditing] = useState(false);
  const { name, namespace = "" } = item.metadata;
  const entries = Object.entries(item.data ?? {});
  if (editing) return <EditEntries of={of} namespace={namespace} item={item} onClose={() => setEditing(false)} />;
  return (
    <Dialog title={name} wide onClose={onClose}>
      <dl className="secret-entries">
        {entries.map(([key, value]) => (
          <Entry key={key} name={key} value={hidden ? decoded(value) : value} size={hidden ? sizeOf(value) : value.length} hidden={hidden} />
        ))}
      </dl>
      {entries.length === 0 ? <p className="dim">It has no keys.</p> : null}
      <footer className="dialog-foot">
        {item.immutable ? <p className="dim">It is immutable: make another one instead.</p> : (
          <Button Icon={Pencil} onClick={() => setEditing(true)}>
            Edit
          </Button>
        )}
      </footer>
    </Dialog>
  );
}

function Entry(props: { name: string; value: string | undefined; size: number; hidden: boolean }) {
  const { name, value, size, hidden } = props;
  const [seen, setSeen] = useState(!hidden);
  return (
    <div>
      <dt className="mono">{name}</dt>
      <dd>
        {seen ? <pre>{value ?? "not a text"}</pre> : <span className="dim">hidden, {bytes(size)}</span>}
        {hidden ? <IconButton label={seen ? `Hide ${name}` : `Show ${name}`} Icon={seen ? EyeOff : Eye} onClick={() => setSeen(!seen)} /> : null}
      </dd>
    </div>
  );
}
