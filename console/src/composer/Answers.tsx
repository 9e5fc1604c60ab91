/** The dialogs of an open document: whichever question stands. */

import { Conflict, Difference, NameIt, RunIt } from "./Dialogs";
import type { Keeping, SaveQuestion } from "./keeping";
import { SaveIt } from "./pipelines/SaveIt";
import type { Wanted } from "./running";
import type { Base } from "./saving";
import type { Run } from "./starting";
import { useStudioHere } from "./studio";

export type Question = SaveQuestion | { what: "run"; wanted: Partial<Wanted> } | { what: "difference"; theirs?: Base };

interface Props {
  question: Question;
  keeping: Keeping;
  run: Run;
  onClose: () => void;
}

export function Answers({ question, keeping, run, onClose }: Props) {
  const { document, text, language } = useStudioHere();
  if (question.what === "name") return <NameIt document={document} onClose={onClose} onName={keeping.saveAs} />;
  if (question.what === "version")
    return <SaveIt base={question.base} usual={language?.told(document).name ?? ""} onClose={onClose} onName={(name) => keeping.saveAs("", name)} />;
  if (question.what === "run")
    return <RunIt asked={language?.running?.asked(document) ?? []} onClose={onClose} onRun={(parameters) => run.start({ ...question.wanted, parameters })} />;
  if (question.what === "difference")
    return question.theirs ? (
      <Difference title="What differs" saved={question.theirs.text} mine={text} names={["Theirs, saved", "Yours"]} onClose={onClose} />
    ) : (
      <Difference title="What is not saved" saved={keeping.base?.text ?? ""} mine={text} names={["Saved", "Here"]} onClose={onClose} />
    );
  const { theirs } = question;
  return <Conflict theirs={theirs} mine={text} onClose={onClose} onTheirs={() => keeping.takeTheirs(theirs)} onMerge={() => keeping.merge(theirs)} onMine={() => keeping.keepMine(theirs)} />;
}
