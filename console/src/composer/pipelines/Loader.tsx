/** Brings components of pipelines on to the palette: from files, a text, or pipelines that are stored. */

import { useQueryClient } from "@tanstack/react-query";
import { Plus } from "lucide-react";
import { type FormEvent, useRef, useState } from "react";
import { KubeError } from "../../api/kube";
import { usePipelines } from "../../pipelines/kfp";
import { Button } from "../../ui/Button";
import { Code } from "../../ui/Code";
import { Dialog } from "../../ui/Dialog";
import { Menu } from "../../ui/Menu";
import { Problem } from "../../ui/notes";
import { attempt, notify } from "../../ui/toasts";
import { Chooser } from "../Chooser";
import { FileInput } from "../FileInput";
import { newest } from "./keeping";
import { load } from "./shelf";

const ACCEPTED = ".yaml,.yml,.json,.py";

export function Loader() {
  const [asking, ask] = useState<"paste" | "stored" | null>(null);
  const file = useRef<HTMLInputElement>(null);
  return (
    <div className="shelf-foot">
      <Menu
        label="Add components"
        text="Add components"
        items={[
          { label: "From a file", onSelect: () => file.current?.click() },
          { label: "Paste", onSelect: () => ask("paste") },
          { label: "From a pipeline", onSelect: () => ask("stored") },
        ]}
      />
      <FileInput label="A file with components" accept={ACCEPTED} ref={file} onText={(text, name) => void attempt(told(text, name))} />
      {asking === "paste" ? <Paste onClose={() => ask(null)} /> : null}
      {asking === "stored" ? <Stored onClose={() => ask(null)} /> : null}
    </div>
  );
}

async function told(text: string, source: string): Promise<void> {
  const names = await load(text, source);
  notify(names.length === 1 ? `${names[0]} is on the palette` : `${names.length} components are on the palette`);
}

function Paste({ onClose }: { onClose: () => void }) {
  const [text, setText] = useState("");
  const [error, setError] = useState<KubeError | null>(null);
  const go = (event: FormEvent) => {
    event.preventDefault();
    told(text, "")
      .then(onClose)
      .catch((problem: unknown) => setError(KubeError.of(problem)));
  };
  return (
    <Dialog title="Components of pipelines" wide onClose={onClose}>
      <form onSubmit={go}>
        <p className="dim">Component YAML, Python with @dsl.component (it is read, never run), or a pipeline's IR.</p>
        <Code label="Components" language="yaml" value={text} onChange={setText} />
        {error ? <Problem error={error} /> : null}
        <footer className="dialog-foot">
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" Icon={Plus} disabled={!text.trim()}>
            Add
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}

/** Every component of its newest version. */
function Stored({ onClose }: { onClose: () => void }) {
  const { data } = usePipelines();
  const client = useQueryClient();
  const take = async (id: string, name: string) => {
    const { text } = await client.fetchQuery({ queryKey: ["composer", "components", id], queryFn: ({ signal }) => newest(id, signal) });
    await told(text, name);
  };
  const choices = (data?.pipelines ?? []).map(({ pipeline_id: id, display_name: name, description }) => ({
    key: id, label: name, icon: "workflow", words: description ?? "", onChoose: () => void attempt(take(id, name)),
  }));
  return <Chooser title="Components of which pipeline" none={data ? "No pipeline of that name." : "…"} choices={choices} onClose={onClose} />;
}
