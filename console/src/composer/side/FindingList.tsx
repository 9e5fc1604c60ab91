/** What is to be mended: a click goes to the step and to the line. */

import type { Finding } from "../model";
import { useStudioHere } from "../studio";

interface Props {
  findings: Finding[];
  onGo: (finding: Finding) => void;
  onText: () => void;
}

export function FindingList({ findings, onGo, onText }: Props) {
  const { trouble } = useStudioHere();
  if (trouble)
    return (
      <button type="button" className="finding" onClick={onText}>
        <strong>The text cannot be read</strong>
        <span>{trouble.message}</span>
      </button>
    );
  if (findings.length === 0) return <p className="dim">Nothing to mend: it can run.</p>;
  return (
    <ul className="findings">
      {findings.map((each) => (
        <li key={`${each.path} ${each.message}`}>
          <button type="button" className={`finding finding-${each.severity}`} onClick={() => onGo(each)}>
            <span>{each.message}</span>
            <code>{each.path || "/"}</code>
          </button>
        </li>
      ))}
    </ul>
  );
}
