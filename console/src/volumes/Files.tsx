/** A folder of a volume: opened, filled by dropping files on it, emptied. */

import { useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Download, File, Folder as FolderIcon, FolderPlus, Link2, Trash2, Upload as UploadIcon } from "lucide-react";
import { type DragEvent, useMemo, useRef, useState } from "react";
import { bytes } from "../objects/quantity";
import { Button, IconButton } from "../ui/Button";
import { Confirm } from "../ui/Dialog";
import { type Column, Table } from "../ui/Table";
import { Empty, Problem } from "../ui/notes";
import { Ago } from "../ui/time";
import { attempt, notify } from "../ui/toasts";
import { Uploads } from "./Uploads";
import { type Entry, fileUrl, folderKey, join, makeFolder, removeFile, trail, useFolder } from "./files";
import { dropped, useUploads } from "./uploads";

interface Place {
  namespace: string;
  claim: string;
  path: string;
}

export function Files(place: Place) {
  const { namespace, claim, path } = place;
  const { data, error } = useFolder(namespace, claim, path);
  const { uploads, add, overwrite, forget } = useUploads(namespace, claim, path);
  const [doomed, setDoomed] = useState<Entry | null>(null);
  const [over, setOver] = useState(false);
  const queries = useQueryClient();
  const again = () => {
    void queries.invalidateQueries({ queryKey: folderKey(namespace, claim, path) });
    void queries.invalidateQueries({ queryKey: ["total", namespace, claim] });
  };
  const cells = useMemo(() => columns({ namespace, claim, path }, setDoomed), [namespace, claim, path]);
  return (
    <section
      className={over ? "files files-over" : "files"}
      aria-label="Files"
      onDragOver={(e) => {
        e.preventDefault();
        setOver(true);
      }}
      onDragLeave={(e) => left(e) && setOver(false)}
      onDrop={(e) => {
        e.preventDefault();
        setOver(false);
        void dropped(e.dataTransfer.items).then(add);
      }}
    >
      <Tools place={place} onFiles={(list) => add(list.map((file) => ({ path: file.name, file })))} onFolder={again} />
      <Uploads uploads={uploads} onOverwrite={overwrite} onForget={forget} />
      {error ? <Problem error={error} /> : null}
      {data?.truncated ? <p className="warning">There are more than {data.entries.length.toLocaleString()} names here; these are the first.</p> : null}
      {data?.entries.length ? <Table label="Files" columns={cells} rows={data.entries} id={(entry) => entry.name} /> : null}
      {data && data.entries.length === 0 ? <Empty title="This folder is empty">Drop files or folders here, or press Upload.</Empty> : null}
      {doomed ? (
        <Confirm
          title={`Delete ${doomed.name}?`}
          verb="Delete"
          onClose={() => setDoomed(null)}
          onConfirm={async () => {
            await removeFile(namespace, claim, join(path, doomed.name));
            notify(`${doomed.name} deleted`);
            again();
          }}
        >
          {doomed.kind === "folder" ? "Everything in this folder goes with it." : "The file is gone for good."}
        </Confirm>
      ) : null}
    </section>
  );
}

/** The pointer left the whole area, not only a row of it. */
function left(event: DragEvent<HTMLElement>): boolean {
  return !event.currentTarget.contains(event.relatedTarget as Node | null);
}

function Tools({ place, onFiles, onFolder }: { place: Place; onFiles: (files: File[]) => void; onFolder: () => void }) {
  const picker = useRef<HTMLInputElement>(null);
  const [name, setName] = useState<string | null>(null);
  const { namespace, claim, path } = place;
  async function make() {
    if (name && (await attempt(makeFolder(namespace, claim, join(path, name)).then(onFolder)))) setName(null);
  }
  return (
    <div className="tools">
      <Trail {...place} />
      <div className="actions">
        {name === null ? (
          <Button Icon={FolderPlus} onClick={() => setName("")}>
            New folder
          </Button>
        ) : (
          <form
            className="files-folder"
            onSubmit={(e) => {
              e.preventDefault();
              void make();
            }}
          >
            <input
              aria-label="Name of the new folder"
              placeholder="Name of the new folder"
              value={name}
              // biome-ignore lint/a11y/noAutofocus: it was just asked for
              autoFocus
              onChange={(e) => setName(e.target.value)}
              onKeyDown={(e) => e.key === "Escape" && setName(null)}
            />
            <Button type="submit" disabled={!name}>
              Make
            </Button>
          </form>
        )}
        <input
          ref={picker}
          type="file"
          multiple
          hidden
          aria-label="Files to upload"
          onChange={(e) => {
            onFiles([...(e.target.files ?? [])]);
            e.target.value = "";
          }}
        />
        <Button look="primary" Icon={UploadIcon} onClick={() => picker.current?.click()}>
          Upload
        </Button>
      </div>
    </div>
  );
}

function Trail({ namespace, claim, path }: Place) {
  const steps = [{ name: claim, path: "" }, ...trail(path)];
  return (
    <nav aria-label="Folder" className="files-trail">
      {steps.map((step, i) => (
        <span key={step.path}>
          {i > 0 ? <span className="dim"> / </span> : null}
          <Link
            to="/$namespace/volumes/$name"
            params={{ namespace, name: claim }}
            search={step.path ? { path: step.path } : {}}
            aria-current={i === steps.length - 1 ? "page" : undefined}
          >
            {step.name}
          </Link>
        </span>
      ))}
    </nav>
  );
}

const ICONS = { file: File, folder: FolderIcon, link: Link2, other: File };

function columns(place: Place, onDelete: (entry: Entry) => void): Column<Entry>[] {
  return [
    { title: "Name", cell: (entry) => <Name place={place} entry={entry} />, by: (entry) => entry.name },
    { title: "Size", cell: (entry) => (entry.size === undefined ? "–" : bytes(entry.size)), by: (entry) => entry.size ?? -1, number: true },
    { title: "Modified", cell: (entry) => <Ago at={entry.modified} />, by: (entry) => entry.modified },
    {
      title: "Actions",
      quiet: true,
      cell: (entry) => (
        <div className="row-actions">
          {entry.kind === "file" ? (
            <a className="icon-button" href={urlOf(place, entry)} download={entry.name} aria-label={`Download ${entry.name}`} title={`Download ${entry.name}`}>
              <Download size={16} aria-hidden />
            </a>
          ) : null}
          <IconButton label={`Delete ${entry.name}`} Icon={Trash2} onClick={() => onDelete(entry)} />
        </div>
      ),
    },
  ];
}

function urlOf({ namespace, claim, path }: Place, entry: Entry): string {
  return fileUrl(namespace, claim, join(path, entry.name));
}

function Name({ place, entry }: { place: Place; entry: Entry }) {
  const { namespace, claim, path } = place;
  const Icon = ICONS[entry.kind];
  return (
    <span className="files-name">
      <Icon size={16} aria-hidden />
      {entry.kind === "folder" ? (
        <Link to="/$namespace/volumes/$name" params={{ namespace, name: claim }} search={{ path: join(path, entry.name) }}>
          {entry.name}
        </Link>
      ) : entry.kind === "file" ? (
        <a href={urlOf(place, entry)} download={entry.name}>
          {entry.name}
        </a>
      ) : (
        <span title="Links are shown, and never followed">{entry.name}</span>
      )}
    </span>
  );
}
