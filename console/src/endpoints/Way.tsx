/** The answer of a graph, and the way to it: step by step, with times; what each was given and said, opened by a click. */

import { Mark } from "../ui/Mark";
import { type Taken, type Walked, duration, isGood, legible, told } from "./walks";

interface Props {
  walked: Walked;
  /** What a step leads to, in words. */
  target: (taken: Taken) => string;
}

export function Way({ walked, target }: Props) {
  return (
    <div className="way">
      <p className="way-said">
        <span className={isGood(walked) ? "tone-good" : "tone-bad"}>{walked.status}</span>
        <span className="dim">{duration(walked.took)}</span>
      </p>
      <pre className="said">{legible(walked.body)}</pre>
      {walked.steps.length ? <h3>The way that it took</h3> : null}
      <ol className="way-steps">
        {walked.steps.map((each) => (
          <li key={`${each.node} ${each.index} ${each.began}`} style={{ paddingLeft: `${inside(walked, each) * 14}px` }}>
            <details>
              <summary>
                <Mark phase={isGood(each) ? "Succeeded" : "Failed"} label={false} />
                <span className="way-name">{target(each)}</span>
                <span className="number dim">{told(each)}</span>
              </summary>
              <h4>Given</h4>
              <pre className="said">{legible(each.request, each.requestSize)}</pre>
              <h4>Answered</h4>
              <pre className="said">{each.failure || legible(each.answer, each.answerSize)}</pre>
            </details>
          </li>
        ))}
      </ol>
    </div>
  );
}

/** How many other steps were going on around it when it began. */
function inside({ steps }: Walked, step: Taken): number {
  return steps.filter((each) => each !== step && each.node !== step.node && each.began <= step.began && each.began + each.took >= step.began + step.took).length;
}
