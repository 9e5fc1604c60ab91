import type { Finding } from "../model";

/** What is wrong with a step, above its form. */
export function Findings({ findings }: { findings: Finding[] }) {
  return findings.map((each) => (
    <p key={each.message} className={each.severity === "error" ? "problem" : "warning"}>
      {each.message}
    </p>
  ));
}
