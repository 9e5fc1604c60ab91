/** Beside the drawing: the chosen step, the text, what is to be mended. */

import { useState } from "react";
import { Tabs } from "../ui/Tabs";
import type { Live, Pane } from "./Desk";
import { pointer, range } from "./document/yaml";
import { located } from "./findings";
import type { Start } from "./fitting";
import type { Finding } from "./model";
import { Chosen } from "./side/Chosen";
import { FindingList } from "./side/FindingList";
import { Text } from "./side/Text";
import { type Studio, useStudioHere } from "./studio";

interface Props {
  pane: Pane;
  onPane: (pane: Pane) => void;
  findings: Finding[];
  faulty: ReadonlyMap<string, Finding[]>;
  chosen: string | undefined;
  live: Live | null;
  onConnect: (start: Start) => void;
  onRemove: () => void;
}

export function SidePane(props: Props) {
  const { pane, onPane, findings } = props;
  const [reveal, setReveal] = useState<{ from: number; to: number } | undefined>();
  const studio = useStudioHere();
  const count = findings.length + (studio.trouble ? 1 : 0);
  const show = (finding: Finding) => {
    go(studio, finding);
    const at = studio.source ? range(studio.source, pointer(finding.path)) : null;
    if (at) setReveal({ ...at });
  };
  return (
    <aside className="side-pane" aria-label="Details">
      <Tabs
        label="Details"
        value={pane}
        onChange={(value) => onPane(value as Pane)}
        tabs={[
          ...(props.live ? [{ value: "run", label: props.live.label, content: props.live.content(props.chosen) }] : []),
          { value: "step", label: "Properties", content: <Chosen {...props} /> },
          { value: "text", label: "YAML", content: <Text findings={findings} reveal={reveal} chosen={props.chosen} /> },
          { value: "findings", label: count ? `To mend (${count})` : "To mend", content: <FindingList findings={findings} onGo={show} onText={() => onPane("text")} /> },
        ]}
      />
    </aside>
  );
}

/** Shows the drawing in which a finding is, with its node chosen. */
function go(studio: Studio, finding: Finding): void {
  const found = located(studio, finding);
  if (!found) return;
  if (found.scope !== studio.scope) studio.open(found.scope);
  studio.select([found.node]);
}
