/** A pipeline's versions, and two of them side by side: graph, inputs, text. */

import { Link } from "@tanstack/react-router";
import { Suspense, lazy, useMemo, useState } from "react";
import { stringify } from "yaml";
import { useNamespace } from "../app/namespace";
import { Button, IconButton } from "../ui/Button";
import { Confirm } from "../ui/Dialog";
import { SelectField } from "../ui/Fields";
import { Segments } from "../ui/Page";
import { type Column, Table } from "../ui/Table";
import { Ago } from "../ui/time";
import { notify } from "../ui/toasts";
import { GitCompare, Trash2 } from "lucide-react";
import { SpecGraph } from "./SpecGraph";
import { inputChanges } from "./drawing";
import { type Version, drop } from "./kfp";
import { specOf } from "./spec";

const Diff = lazy(() => import("../ui/Diff").then((m) => ({ default: m.Diff })));

interface Props {
  versions: Version[];
  shown: Version | undefined;
  onShow: (version: Version) => void;
  onCompare: (from: Version, to: Version) => void;
  onGone: () => void;
}

export function Versions({ versions, shown, onShow, onCompare, onGone }: Props) {
  const namespace = useNamespace();
  const [deleting, setDeleting] = useState<Version | null>(null);
  const columns: Column<Version>[] = [
    {
      title: "Version",
      cell: (v) => (
        <>
          <button type="button" className="link" onClick={() => onShow(v)}>
            {v.display_name}
          </button>
          {v === versions[0] ? <span className="tag">latest</span> : null}
        </>
      ),
      by: (v) => v.display_name,
    },
    { title: "Description", cell: (v) => <div className="message">{v.description}</div> },
    { title: "Uploaded", cell: (v) => <Ago at={v.created_at} />, by: (v) => v.created_at },
    {
      title: "Actions",
      quiet: true,
      cell: (v) => {
        const before = versions[versions.indexOf(v) + 1];
        return (
          <div className="row-actions">
            {before ? (
              <Button Icon={GitCompare} aria-label={`What changed in ${v.display_name}`} onClick={() => onCompare(before, v)}>
                What changed
              </Button>
            ) : null}
            <Link to="/$namespace/pipelines/new" params={{ namespace }} search={{ pipeline: v.pipeline_id, version: v.pipeline_version_id }} className="button" aria-label={`Create run of ${v.display_name}`}>
              Create run
            </Link>
            <IconButton label={`Delete ${v.display_name}`} Icon={Trash2} onClick={() => setDeleting(v)} />
          </div>
        );
      },
    },
  ];
  return (
    <>
      {versions.length ? <Table label="Versions" columns={columns} rows={versions} id={(v) => v.pipeline_version_id} selected={(v) => v === shown} /> : null}
      {deleting ? (
        <Confirm
          title={`Delete version ${deleting.display_name}?`}
          verb="Delete"
          onClose={() => setDeleting(null)}
          onConfirm={async () => {
            await drop(`/pipelines/${deleting.pipeline_id}/versions/${deleting.pipeline_version_id}`);
            notify(`${deleting.display_name} is deleted`);
            onGone();
          }}
        >
          Its runs stay; recurring runs go on with what they were made of.
        </Confirm>
      ) : null}
    </>
  );
}

interface ChangesProps {
  versions: Version[];
  from: string | undefined;
  to: string | undefined;
  layer: string | undefined;
  onChoose: (part: { from?: string; to?: string; layer?: string | undefined }) => void;
}

const VIEWS = ["Graph", "Text"] as const;

export function Changes({ versions, from, to, layer, onChoose }: ChangesProps) {
  const [view, setView] = useState<(typeof VIEWS)[number]>("Graph");
  const find = (id: string | undefined) => versions.find((v) => v.pipeline_version_id === id);
  const after = find(to) ?? versions[0];
  const before = find(from) ?? versions[1];
  const [a, b] = [specOf(before), specOf(after)];
  const texts = useMemo(() => [a, b].map((spec) => stringify(spec ?? {}, { lineWidth: 0, sortMapEntries: true })), [a, b]);
  const options = versions.map((v) => ({ value: v.pipeline_version_id, label: v.display_name }));
  if (!before || !after || !a || !b) return <p className="dim">A second version is needed to compare. Upload one above.</p>;
  const said = inputChanges(a, b);
  return (
    <>
      <div className="tools changes-tools">
        <SelectField label="From" value={before.pipeline_version_id} options={options} onChange={(id) => onChoose({ from: id })} />
        <SelectField label="To" value={after.pipeline_version_id} options={options} onChange={(id) => onChoose({ to: id })} />
        <Segments label="View" options={VIEWS} value={view} onChange={setView} />
        {view === "Graph" ? <Legend /> : null}
      </div>
      {said.length ? (
        <ul className="input-changes" aria-label="Inputs that changed">
          {said.map((one) => (
            <li key={one}>{one}</li>
          ))}
        </ul>
      ) : null}
      {texts[0] === texts[1] ? <p className="dim">Both say the same.</p> : null}
      {view === "Graph" ? (
        <SpecGraph spec={b} before={a} layer={layer} task={undefined} onGo={(where) => onChoose({ layer: where.layer })} />
      ) : (
        <Suspense>
          <Diff left={texts[0] ?? ""} right={texts[1] ?? ""} names={[before.display_name, after.display_name]} />
        </Suspense>
      )}
    </>
  );
}

function Legend() {
  return (
    <span className="legend">
      {[["added", "good"], ["changed", "ask"], ["removed", "bad"]].map(([word, colour]) => (
        <span key={word}>
          <i style={{ background: `var(--${colour})` }} aria-hidden /> {word}
        </span>
      ))}
    </span>
  );
}
