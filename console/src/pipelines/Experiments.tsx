import { useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Plus } from "lucide-react";
import { useState } from "react";
import { KubeError } from "../api/kube";
import { useNamespace } from "../app/namespace";
import { useSearched } from "../app/searched";
import { Button } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import { TextField } from "../ui/Fields";
import { Mark } from "../ui/Mark";
import { SearchBox, Segments, Toolbar } from "../ui/Page";
import { type Column, Table } from "../ui/Table";
import { Empty, Problem } from "../ui/notes";
import { Ago } from "../ui/time";
import { attempt, notify } from "../ui/toasts";
import { Refusal } from "./Refusal";
import { type Experiment, type Run, post, useExperiments, useRuns } from "./kfp";
import { word } from "./spec";

const STORED = ["Active", "Archived"] as const;
const FEW = 5;

/** Groups of runs. */
export function Experiments() {
  const namespace = useNamespace();
  const { data, error, refetch } = useExperiments(namespace);
  const runs = useRuns({ namespace }).data?.runs ?? [];
  const [search, setSearch] = useSearched();
  const [stored, setStored] = useState<(typeof STORED)[number]>("Active");
  const all = data?.experiments ?? [];
  const found = all.filter((e) => e.display_name.toLowerCase().includes(search.trim().toLowerCase()) && (e.storage_state === "ARCHIVED") === (stored === "Archived"));
  const columns: Column<Experiment>[] = [
    {
      title: "Experiment",
      cell: (e) => (
        <Link to="/$namespace/pipelines/experiments/$id" params={{ namespace, id: e.experiment_id }}>
          {e.display_name}
        </Link>
      ),
      by: (e) => e.display_name,
    },
    { title: "Description", cell: (e) => <div className="message">{e.description}</div> },
    { title: "Last runs", cell: (e) => <LastRuns runs={runs.filter((r) => r.experiment_id === e.experiment_id).slice(0, FEW)} /> },
    { title: "Created", cell: (e) => <Ago at={e.created_at} />, by: (e) => e.created_at },
    {
      title: "Actions",
      quiet: true,
      cell: (e) => {
        const archived = e.storage_state === "ARCHIVED";
        const path = `/experiments/${e.experiment_id}:${archived ? "unarchive" : "archive"}`;
        return (
          <div className="row-actions">
            <Button onClick={() => void attempt(post(path), `${e.display_name} is ${archived ? "restored" : "archived"}`).then(() => refetch())}>{archived ? "Restore" : "Archive"}</Button>
          </div>
        );
      },
    },
  ];
  if (error) return <Refusal error={error} />;
  return (
    <>
      <Toolbar>
        <SearchBox value={search} onChange={setSearch} />
        <Segments label="Which experiments" options={STORED} value={stored} onChange={setStored} />
        <NewExperiment />
      </Toolbar>
      {found.length ? <Table label="Experiments of Pipelines" columns={columns} rows={found} id={(e) => e.experiment_id} /> : null}
      {data && !all.length ? <Empty title="No experiment yet">The first run makes the one called Default.</Empty> : null}
      {all.length && !found.length ? <p className="dim">No experiment fits this search.</p> : null}
    </>
  );
}

function LastRuns({ runs }: { runs: Run[] }) {
  if (!runs.length) return <span className="dim">–</span>;
  return <span className="last-runs">{runs.map((r) => <Mark key={r.run_id} phase={word(r.state)} label={false} />)}</span>;
}

function NewExperiment() {
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button Icon={Plus} onClick={() => setOpen(true)}>
        New experiment
      </Button>
      {open ? <Naming onClose={() => setOpen(false)} /> : null}
    </>
  );
}

function Naming({ onClose }: { onClose: () => void }) {
  const namespace = useNamespace();
  const client = useQueryClient();
  const [name, setName] = useState("");
  const [description, setDescription] = useState("");
  const [error, setError] = useState<KubeError | null>(null);
  async function go() {
    try {
      await post("/experiments", { display_name: name, description, namespace });
      notify(`${name} is made`);
      await client.invalidateQueries({ queryKey: ["kfp"] });
      onClose();
    } catch (problem) {
      setError(KubeError.of(problem));
    }
  }
  return (
    <Dialog title="New experiment" onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void go();
        }}
      >
        <TextField label="Name" value={name} onChange={setName} required autoComplete="off" />
        <TextField label="Description" value={description} onChange={setDescription} hint="What the runs in it have in common." />
        {error ? <Problem error={error} /> : null}
        <footer className="dialog-foot">
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary">
            Create
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}
