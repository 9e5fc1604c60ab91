/** What the document is, and its name. */

import { setField } from "../document/workflow/edit";
import { obj } from "../ports/read";
import { useStudioHere } from "../studio";
import { Commit } from "./Commit";

export function DocumentName() {
  const { document, change } = useStudioHere();
  const meta = obj(document.metadata);
  const key = meta.generateName && !meta.name ? "generateName" : "name";
  return (
    <>
      <header className="form-head">
        <h2>{String(document.kind ?? "No document")}</h2>
      </header>
      <Commit
        label={key === "name" ? "Name" : "Name of each run begins with"}
        value={String(meta[key] ?? "")}
        onCommit={(value) => change("Rename the document", (doc) => setField(doc, ["metadata"], key, value))}
      />
    </>
  );
}
