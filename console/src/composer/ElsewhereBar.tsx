/** Somebody else has saved, or deleted, what is open here: what it was, and what can be done about it. */

import { Button } from "../ui/Button";
import { Ago } from "../ui/time";
import { useMe } from "../api/me";
import type { Elsewhere } from "./elsewhere";
import type { Keeping } from "./keeping";
import type { Author, Base } from "./saving";

interface Props {
  elsewhere: Elsewhere;
  keeping: Keeping;
  onDifference: (theirs: Base) => void;
}

export function ElsewhereBar({ elsewhere, keeping, onDifference }: Props) {
  return (
    <div className="run-bar other-hands" role="status" aria-label="In other hands">
      {elsewhere.what === "gone" ? <Gone elsewhere={elsewhere} keeping={keeping} /> : <Newer elsewhere={elsewhere} keeping={keeping} onDifference={onDifference} />}
    </div>
  );
}

function Gone({ elsewhere: { kind, name }, keeping }: { elsewhere: Elsewhere & { what: "gone" }; keeping: Keeping }) {
  return (
    <>
      <span>
        <strong>
          {kind} {name}
        </strong>{" "}
        was deleted. What you see is only here now.
      </span>
      <span className="other-hands-acts">
        <Button onClick={keeping.saveAnew}>Save it anew</Button>
      </span>
    </>
  );
}

function Newer({ elsewhere: { theirs, author }, keeping, onDifference }: { elsewhere: Elsewhere & { what: "newer" }; keeping: Keeping; onDifference: (theirs: Base) => void }) {
  return (
    <>
      <span>
        <Who author={author} /> saved a newer version{author.at ? <> <Ago at={author.at} /></> : null}.
      </span>
      <span className="other-hands-acts">
        <Button onClick={() => onDifference(theirs)}>See the difference</Button>
        {keeping.changed ? <Button onClick={() => keeping.merge(theirs)}>Merge with mine</Button> : null}
        <Button onClick={() => keeping.takeTheirs(theirs)}>Take theirs</Button>
        <Button onClick={() => keeping.over(theirs)} title="The next save replaces their version">
          Keep mine
        </Button>
      </span>
    </>
  );
}

function Who({ author: { who, here } }: { author: Author }) {
  const me = useMe();
  if (here && who === me) return <strong>You, in another window,</strong>;
  return <strong>{who}</strong>;
}
