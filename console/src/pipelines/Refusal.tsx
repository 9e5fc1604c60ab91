import type { KubeError } from "../api/kube";
import { Empty, Problem } from "../ui/notes";

/** Elsewhere nobody answers this API at the console's own address. */
export function Refusal({ error }: { error: KubeError }) {
  if (error.code !== 404) return <Problem error={error} />;
  return (
    <Empty title="Not here" level={1}>
      This server has no Pipelines API at its own address, or has forgotten what you ask for.
    </Empty>
  );
}
