/** What else can be done with a document: taken away in other forms, compared with what is saved. */

import { Code2, Download, FileDiff, FileUp, Keyboard, type LucideIcon, Package, Workflow } from "lucide-react";
import { useRef, useState } from "react";
import { create, request } from "../api/kube";
import { Dialog } from "../ui/Dialog";
import { Keys } from "../ui/Keys";
import { Menu } from "../ui/Menu";
import { attempt, notify } from "../ui/toasts";
import { download, downloadText } from "../ui/download";
import { FileInput } from "./FileInput";
import type { Export } from "./document/language";
import { KEYS } from "./keys";
import { useStudioHere } from "./studio";

interface Props {
  namespace: string;
  name: string;
  changed: boolean;
  onDifference: () => void;
  onText: (text: string) => void;
}

const AUTHORING = "/pinnace/v1/authoring";
const ICONS: Record<Export["what"], LucideIcon> = { python: Code2, bundle: Package, acumos: Workflow };
const EXPORTS: Record<Export["what"], (document: object, file: string, namespace: string) => Promise<void>> = { python, bundle, acumos };

export function MoreMenu({ namespace, name, changed, onDifference, onText }: Props) {
  const { text, document, language } = useStudioHere();
  const [help, setHelp] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  const file = name.replace(/-$/, "") || "drawing";
  return (
    <>
      <Menu
        label="More"
        items={[
          { label: "Download YAML", Icon: Download, onSelect: () => downloadText(`${file}.yaml`, text, "application/yaml") },
          ...(language?.exports ?? []).map(({ what, label }) => ({
            label,
            Icon: ICONS[what],
            onSelect: () => void attempt(EXPORTS[what](document, file, namespace)),
          })),
          { label: "What is not saved", Icon: FileDiff, disabled: !changed, onSelect: onDifference },
          { label: "Open a file", Icon: FileUp, onSelect: () => input.current?.click() },
          { label: "Keys of the composer", Icon: Keyboard, onSelect: () => setHelp(true) },
        ]}
      />
      <FileInput label="Open a file" ref={input} onText={onText} />
      {help ? (
        <Dialog title="Keys of the composer" onClose={() => setHelp(false)}>
          <Keys shortcuts={KEYS} />
        </Dialog>
      ) : null}
    </>
  );
}

async function python(document: object, file: string): Promise<void> {
  const { text, notes } = await create<{ text: string; notes: string[] }>(`${AUTHORING}/python`, { document });
  downloadText(`${file}.py`, text, "text/x-python");
  for (const note of notes) notify(note);
}

async function bundle(document: object, file: string, namespace: string): Promise<void> {
  const response = await request(`${AUTHORING}/bundle`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ documents: [document], name: file, namespace }),
  });
  download(`${file}.zip`, await response.blob());
}

async function acumos(document: object, file: string): Promise<void> {
  const { blueprint, notes } = await create<{ blueprint: object; notes: string[] }>(`${AUTHORING}/to-acumos`, { document });
  downloadText(`${file}-blueprint.json`, JSON.stringify(blueprint, null, 2), "application/json");
  for (const note of notes) notify(note);
}
