import { type Machine, type Share, useMachine } from "../api/machine";
import { bytes, short } from "../objects/quantity";
import { Panel } from "./Panel";

/** The machine's cores, memory and devices, and how much of them is in use. */
export function MachineUse() {
  const machine = useMachine();
  return (
    <Panel title="Machine">
      <div className="gauges">{machine ? <Gauges machine={machine} /> : null}</div>
    </Panel>
  );
}

function Gauges({ machine: { cpu, memory, devices } }: { machine: Machine }) {
  return (
    <>
      {cpu.all ? <Gauge name="CPU" share={cpu} words={`${used(cpu, short)}${short(cpu.all)} cores`} /> : <p className="dim">No node is shown here.</p>}
      {memory.all ? <Gauge name="Memory" share={memory} words={`${used(memory, bytes)}${bytes(memory.all)}`} /> : null}
      {devices.map(({ name, share }) => (
        <Gauge key={name} name={name.replace(/^.*\//, "").toUpperCase()} share={share} words={`${share.used} of ${share.all} taken`} />
      ))}
    </>
  );
}

/** Without a metrics API only what there is can be told. */
function used(share: Share, show: (value: number) => string): string {
  return share.used === undefined ? "" : `${show(share.used)} of `;
}

function Gauge({ name, share, words }: { name: string; share: Share; words: string }) {
  const part = share.all ? Math.min(1, (share.used ?? 0) / share.all) : 0;
  return (
    <div className="gauge">
      <span className="gauge-name">{name}</span>
      <span className="dim number">{words}</span>
      <meter className="gauge-bar" min={0} max={1} high={0.9} optimum={0.2} value={part} aria-label={`${name}: ${words}`} />
    </div>
  );
}
