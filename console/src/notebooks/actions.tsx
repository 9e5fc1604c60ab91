/** Connect, start, stop: the same in the list and on a notebook's page. */

import { ExternalLink, Play, Square } from "lucide-react";
import { useGroups } from "../api/groups";
import { mergePatch } from "../api/kube";
import { object } from "../api/resources";
import { connect } from "../objects/connect";
import { Button, IconButton } from "../ui/Button";
import { attempt } from "../ui/toasts";
import { NOTEBOOK, type NotebookObject, STOPPED } from "./kinds";
import { state, stopped } from "./state";

/** A real cluster opens notebooks by its own gateway: there is no link that we could ask for. */
export function Connect({ notebook, primary = false }: { notebook: NotebookObject; primary?: boolean }) {
  const groups = useGroups();
  const { name, namespace = "" } = notebook.metadata;
  const { phase } = state(notebook);
  if (groups && !groups.has("pinnace.dev/v1")) return <code title="Below the address of this cluster's Kubeflow">{`/notebook/${namespace}/${name}/`}</code>;
  return (
    <Button
      look={primary ? "primary" : "plain"}
      Icon={ExternalLink}
      disabled={phase !== "Ready"}
      aria-label={`Connect to ${name}`}
      onClick={() => void connect(namespace, "notebooks", name)}
    >
      Connect
    </Button>
  );
}

function turn(notebook: NotebookObject): Promise<boolean> {
  const { name, namespace = "" } = notebook.metadata;
  const now = stopped(notebook) ? null : `${new Date().toISOString().slice(0, 19)}Z`;
  const done = mergePatch(object(NOTEBOOK, namespace, name), { metadata: { annotations: { [STOPPED]: now } } });
  return attempt(done, `${name} is ${now ? "stopping; its volumes stay" : "starting"}`);
}

export function Turn({ notebook, small = false }: { notebook: NotebookObject; small?: boolean }) {
  const off = stopped(notebook);
  const [word, Icon] = off ? (["Start", Play] as const) : (["Stop", Square] as const);
  const label = `${word} ${notebook.metadata.name}`;
  if (small) return <IconButton label={label} Icon={Icon} onClick={() => void turn(notebook)} />;
  return (
    <Button Icon={Icon} onClick={() => void turn(notebook)}>
      {word}
    </Button>
  );
}
