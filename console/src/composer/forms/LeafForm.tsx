/** What a template of the document itself runs: its image and its code. */

import { Code } from "../../ui/Code";
import { replaceScalar } from "../document/workflow/parts";
import { type Obj, template } from "../document/workflow/shape";
import { plain } from "../document/yaml";
import { useStudioHere } from "../studio";
import { Commit } from "./Commit";

export function LeafForm({ name, raw }: { name: string; raw: Obj }) {
  const { change } = useStudioHere();
  const part = raw.script ? "script" : raw.container ? "container" : null;
  if (!part) return null;
  const body = raw[part] as Obj;
  const set = (key: string) => (value: unknown) =>
    change(`Change ${key} of ${name}`, (doc) => {
      const path = template(plain(doc), name)?.path;
      if (path) replaceScalar(doc, [...path, part, key], value);
    });
  return (
    <section>
      <h3>What it runs</h3>
      <Commit label="Image" value={String(body.image ?? "")} onCommit={set("image")} />
      {part === "script" ? (
        <div className="leaf-code">
          <Code label={`Source of ${name}`} language={String(body.command).includes("python") ? "python" : "text"} value={String(body.source ?? "")} onChange={set("source")} />
        </div>
      ) : (
        <>
          <Commit label="Command" lines={2} hint="A word a line" value={words(body.command)} onCommit={(text) => set("command")(lines(text))} />
          <Commit label="Arguments" lines={3} hint="A word a line" value={words(body.args)} onCommit={(text) => set("args")(lines(text))} />
        </>
      )}
    </section>
  );
}

function words(value: unknown): string {
  return Array.isArray(value) ? value.map(String).join("\n") : "";
}

function lines(text: string): string[] {
  return text.split("\n").filter(Boolean);
}
