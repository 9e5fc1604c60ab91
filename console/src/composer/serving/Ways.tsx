/** Which way would this message take? The conditions of a router, tried on a message; nothing is asked of its services. */

import { useQuery } from "@tanstack/react-query";
import { useDeferredValue, useState } from "react";
import type { KubeError } from "../../api/kube";
import { type Way, ways } from "../../endpoints/walks";
import { TextArea } from "../../ui/Fields";
import { Mark } from "../../ui/Mark";
import { useStudioHere } from "../studio";

export function Ways({ router, kind }: { router: string; kind: string }) {
  const { document, graph } = useStudioHere();
  const [text, setText] = useState("");
  const message = useDeferredValue(text.trim());
  const { data, error } = useQuery<Record<string, Way>, KubeError>({
    queryKey: ["ways", document, message],
    queryFn: () => ways(document, message),
    enabled: message !== "",
    retry: false,
    placeholderData: (old) => old,
  });
  const way = message ? data?.[router] : undefined;
  const lead = graph.edges.filter((each) => each.from.node === router);
  const target = (index: number) => graph.nodes.find((each) => each.id === lead.find((edge) => edge.id.endsWith(`#${index}`))?.to.node)?.title ?? `step ${index + 1}`;
  const wrong = message ? error?.message : undefined;
  return (
    <>
      <TextArea label="Which way would this take?" hint={kind === "Switch" ? "A request, as JSON" : "The answer of the step before, as JSON"} rows={3} value={text} error={wrong} onChange={setText} />
      {way && !wrong ? (
        <ul className="ways" aria-live="polite">
          {way.steps.map((step) => (
            <li key={step.index} className={way.taken === step.index ? "way-taken" : ""}>
              <Mark phase={step.met ? "Succeeded" : "Skipped"} label={false} />
              <span>
                <strong>{target(step.index)}</strong> {words(way, step)}
              </span>
            </li>
          ))}
          {way.router === "Switch" && way.taken === null ? <li className="tone-bad">No condition holds: the answer is 404.</li> : null}
        </ul>
      ) : null}
    </>
  );
}

function words(way: Way, { index, met, problem }: Way["steps"][number]): string {
  if (problem) return `cannot be judged: ${problem}`;
  if (way.router !== "Switch") return met ? "is asked" : "is not: the answer so far is the graph's";
  if (way.taken === index) return "is taken";
  return met ? "would do, but another one comes first" : "is not: its condition does not hold";
}
