/** What comes out of a step, and the way to hand it on. */

import { Link2 } from "lucide-react";
import { IconButton } from "../../ui/Button";
import type { Start } from "../fitting";
import type { GraphNode } from "../model";
import { colour, titled } from "../ports/fit";
import { Section } from "./Section";

export function Outputs({ step, onConnect }: { step: GraphNode; onConnect: (start: Start) => void }) {
  if (step.ports.outputs.length === 0) return null;
  return (
    <Section title="Outputs">
      {step.ports.outputs.map((port) => (
        <div key={`${port.kind} ${port.name}`} className="wire">
          <span className={`dot port-${colour(port.types[0] ?? "any")}`} aria-hidden />
          <span className="wire-text">
            <span className="wire-name">{port.title ?? port.name}</span>
            <span className="dim">{port.name === "result" ? "what it prints" : port.types.map(titled).join(" or ")}</span>
          </span>
          <IconButton label={`Connect output ${port.title ?? port.name}`} Icon={Link2} onClick={() => onConnect({ node: step.id, port: port.name, side: "outputs" })} />
        </div>
      ))}
    </Section>
  );
}
