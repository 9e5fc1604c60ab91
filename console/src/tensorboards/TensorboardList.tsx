import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { ExternalLink, Plus } from "lucide-react";
import { useGroups } from "../api/groups";
import { useMany } from "../api/resources";
import { useNamespace } from "../app/namespace";
import { useSearched } from "../app/searched";
import { DeleteIcon } from "../objects/DeleteButton";
import { connect } from "../objects/connect";
import { Button } from "../ui/Button";
import { Mark } from "../ui/Mark";
import { Page, SearchBox, Toolbar } from "../ui/Page";
import { type Column, Table } from "../ui/Table";
import { Empty, Problem } from "../ui/notes";
import { Ago } from "../ui/time";
import { NewTensorboard } from "./NewTensorboard";
import { type Board, TENSORBOARD, onVolume, state } from "./boards";

const COLUMNS: Column<Board>[] = [
  { title: "Status", cell: (b) => <Mark {...state(b)} />, by: (b) => state(b).phase },
  { title: "Name", cell: (b) => b.metadata.name, by: (b) => b.metadata.name },
  { title: "Logs", cell: (b) => <Logs board={b} />, by: (b) => b.spec.logspath },
  { title: "Age", cell: (b) => <Ago at={b.metadata.creationTimestamp} />, by: (b) => b.metadata.creationTimestamp },
  { title: "Actions", quiet: true, cell: (b) => <Actions board={b} /> },
];

export function TensorboardList() {
  const namespace = useNamespace();
  const { items, loaded, error } = useMany(TENSORBOARD, namespace);
  const [search, setSearch] = useSearched();
  const { new: wanted } = useSearch({ from: "/$namespace/tensorboards" });
  const navigate = useNavigate({ from: "/$namespace/tensorboards" });
  const open = (path: string | null) => void navigate({ search: ({ q }) => ({ ...(q ? { q } : {}), ...(path === null ? {} : { new: path }) }) });
  const shown = items.filter((each) => each.metadata.name.includes(search.trim().toLowerCase()));
  return (
    <Page
      title="TensorBoard"
      facts={loaded && !error ? `${items.length} in ${namespace}` : null}
      actions={
        <Button look="primary" Icon={Plus} onClick={() => open("")}>
          New TensorBoard
        </Button>
      }
    >
      {error ? <Problem error={error} /> : null}
      {items.length ? (
        <Toolbar>
          <SearchBox value={search} onChange={setSearch} />
        </Toolbar>
      ) : null}
      {shown.length ? <Table label="TensorBoards" columns={COLUMNS} rows={shown} id={(b) => b.metadata.uid} /> : null}
      {loaded && !error && !items.length ? (
        <Empty title="No TensorBoard is here yet">
          It shows what a training wrote into a folder of a volume, while it writes.{" "}
          <button type="button" className="link" onClick={() => open("")}>
            Open one on a folder
          </button>
        </Empty>
      ) : null}
      {wanted !== undefined ? <NewTensorboard namespace={namespace} path={wanted} onClose={() => open(null)} /> : null}
    </Page>
  );
}

function Logs({ board }: { board: Board }) {
  const { logspath } = board.spec;
  const place = onVolume(logspath);
  if (!place) return <span className="mono">{logspath}</span>;
  const params = { namespace: board.metadata.namespace ?? "", name: place.claim };
  return (
    <Link to="/$namespace/volumes/$name" params={params} search={place.folder ? { path: place.folder } : {}} className="mono">
      {logspath}
    </Link>
  );
}

function Actions({ board }: { board: Board }) {
  const { name, namespace = "" } = board.metadata;
  const groups = useGroups();
  const foreign = groups !== undefined && !groups.has("pinnace.dev/v1");
  return (
    <div className="row-actions">
      {foreign ? (
        <code title="Below the address of this cluster's Kubeflow">{`/tensorboard/${namespace}/${name}/`}</code>
      ) : (
        <Button
          Icon={ExternalLink}
          disabled={state(board).phase !== "Ready"}
          aria-label={`Connect to ${name}`}
          onClick={() => void connect(namespace, "tensorboards", name)}
        >
          Connect
        </Button>
      )}
      <DeleteIcon of={TENSORBOARD} item={board} consequence="Only the TensorBoard goes; what it shows stays on its volume." />
    </div>
  );
}
