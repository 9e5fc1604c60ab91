import * as paths from "../api/paths";
import type { Pod } from "../api/types";
import { LogView } from "../logs/LogView";

/** What one pod prints, below its name. */
export function PodLog({ pod }: { pod: Pod }) {
  const { name, namespace = "" } = pod.metadata;
  const container = pod.spec.containers[0]?.name ?? "";
  const begun = (pod.status?.containerStatuses ?? []).some((c) => c.state && !("waiting" in c.state));
  return (
    <section className="pod-log">
      <h2>Log of {name}</h2>
      <LogView path={begun ? paths.log(namespace, name, container) : null} name={name} />
    </section>
  );
}
