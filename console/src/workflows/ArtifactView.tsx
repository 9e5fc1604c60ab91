/**
 * One artifact, shown. Its bytes become text, a table, a drawing of ours, or a raster image; HTML is put into a frame
 * without scripts, forms or an origin, and nothing of it ever becomes part of this page.
 */

import { useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useState } from "react";
import { KubeError, request } from "../api/kube";
import { Code } from "../ui/Code";
import { Problem } from "../ui/notes";
import { Heat } from "./Heat";
import { MOST, type Preview, listing, preview } from "./artifacts";

interface Loaded {
  bytes: Uint8Array<ArrayBuffer>;
  shown: Preview;
  /** For a folder: what lies in it. */
  inside: string[] | null;
  whole: boolean;
}

async function load(path: string, name: string, signal: AbortSignal): Promise<Loaded> {
  const response = await request(path, { signal });
  const type = response.headers.get("content-type") ?? "";
  const { bytes, whole } = await head(response);
  if (type.includes("html")) {
    const inside = listing(new TextDecoder().decode(bytes));
    if (inside) return { bytes, inside, whole, shown: { kind: "none", why: "" } };
  }
  const said = /filename="([^"]+)"/.exec(response.headers.get("content-disposition") ?? "")?.[1];
  return { bytes, inside: null, whole, shown: preview(said ?? name, type, bytes) };
}

/** No more than can be looked at. */
async function head(response: Response): Promise<{ bytes: Uint8Array<ArrayBuffer>; whole: boolean }> {
  const reader = response.body?.getReader();
  const parts: Uint8Array[] = [];
  let size = 0;
  let whole = false;
  while (reader && size < MOST) {
    const { done, value } = await reader.read();
    if (done) whole = true;
    if (done) break;
    parts.push(value);
    size += value.length;
  }
  if (!whole) await reader?.cancel();
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return { bytes, whole };
}

export function ArtifactView({ path, name }: { path: string; name: string }) {
  const { data, error } = useQuery({
    queryKey: ["artifact", path],
    queryFn: ({ signal }) => load(path, name, signal),
    retry: false,
    staleTime: 60_000,
  });
  if (error) return <Problem error={KubeError.of(error)} />;
  if (!data) return <div className="artifact-space" />;
  if (data.inside) return <Folder path={path} names={data.inside} />;
  return (
    <div className="artifact">
      <Shown loaded={data} name={name} />
      {data.whole ? null : <p className="dim">Only its first 2 MiB are shown.</p>}
    </div>
  );
}

function Folder({ path, names }: { path: string; names: string[] }) {
  const [open, setOpen] = useState(names.length === 1 ? names[0] : undefined);
  const inside = (name: string) => `${path.replace(/\/$/, "")}/${name.split("/").map(encodeURIComponent).join("/")}`;
  if (!names.length) return <p className="dim">The folder is empty.</p>;
  return (
    <ul className="folder">
      {names.map((name) => (
        <li key={name}>
          <button type="button" className="artifact-name" aria-expanded={open === name} onClick={() => setOpen(open === name ? undefined : name)}>
            {name}
          </button>
          {open === name ? <ArtifactView path={inside(name)} name={name} /> : null}
        </li>
      ))}
    </ul>
  );
}

function Shown({ loaded: { shown, bytes }, name }: { loaded: Loaded; name: string }) {
  switch (shown.kind) {
    case "image":
      return <Picture bytes={bytes} type={shown.type} name={name} />;
    case "html":
      return <Framed html={shown.text} name={name} />;
    case "matrix":
      return <Heat matrix={shown} />;
    case "metrics":
      return (
        <dl className="metrics">
          {shown.values.map(([key, value]) => (
            <div key={key}>
              <dt>{key}</dt>
              <dd className="number">{Number(value.toPrecision(6))}</dd>
            </div>
          ))}
        </dl>
      );
    case "table":
      return <Rows columns={shown.columns} rows={shown.rows} of={shown.of} name={name} />;
    case "json":
      return (
        <div className="artifact-code">
          <Code label={name} language="json" value={shown.text} />
        </div>
      );
    case "text":
      return shown.text ? (
        <pre className="artifact-text" tabIndex={0} role="region" aria-label={name}>
          {shown.text}
        </pre>
      ) : (
        <p className="dim">It is empty.</p>
      );
    case "none":
      return <p className="dim">{shown.why}</p>;
  }
}

function Rows({ columns, rows, of, name }: { columns: string[]; rows: string[][]; of: number; name: string }) {
  return (
    <>
      <div className="artifact-table" tabIndex={0} role="region" aria-label={name}>
        <table>
          <thead>
            <tr>
              {columns.map((column, i) => (
                <th key={i}>{column || <span className="hidden">without a name</span>}</th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row, i) => (
              <tr key={i}>
                {row.map((cell, j) => (
                  <td key={j}>{cell}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p className="dim number">
        {of > rows.length ? `the first ${rows.length} of ` : ""}
        {of} rows, {columns.length} columns
      </p>
    </>
  );
}

function Picture({ bytes, type, name }: { bytes: Uint8Array<ArrayBuffer>; type: string; name: string }) {
  const [url, setUrl] = useState("");
  useEffect(() => {
    const made = URL.createObjectURL(new Blob([bytes], { type }));
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [bytes, type]);
  return url ? <img className="artifact-image" src={url} alt={name} /> : null;
}

const POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; font-src data:";

function Framed({ html, name }: { html: string; name: string }) {
  const document = useMemo(() => `<meta http-equiv="Content-Security-Policy" content="${POLICY}"><base target="_blank">${html}`, [html]);
  return (
    <>
      <iframe className="artifact-frame" sandbox="" srcDoc={document} title={name} referrerPolicy="no-referrer" />
      <p className="dim">Scripts of a page do not run here; download it to see it with them.</p>
    </>
  );
}
