/** The traffic of one component: which revision gets how much, and the slider that changes it. */

import { ChevronsRight, Undo2 } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { mergePatch } from "../api/kube";
import { object } from "../api/resources";
import { Button } from "../ui/Button";
import { Slider } from "../ui/Slider";
import { attempt } from "../ui/toasts";
import { Split } from "./Split";
import { type InferenceService, type Part, SERVICE } from "./kinds";
import { type Canary, canary, settled, shares, split, variant } from "./rollout";

/** Keys that repeat, and a hand that does not rest yet, must not write each step. */
const REST = 350;

export function Traffic({ service, part }: { service: InferenceService; part: Part }) {
  const found = shares(service.status?.components?.[part]);
  const pair = canary(service, part);
  const { name, namespace = "" } = service.metadata;
  const write = (percent: number | null, said: string) =>
    attempt(mergePatch(object(SERVICE, namespace, name), split(part, percent)), said);
  if (!found.length) return null;
  return (
    <div className="traffic">
      <Split shares={found} />
      {pair ? <Steering pair={pair} write={write} /> : <p className="dim">{alone(service, part)}</p>}
    </div>
  );
}

function alone(service: InferenceService, part: Part): string {
  if (service.spec.canary?.length) return "";
  return `One revision answers. Change the model to get a second one: with ${part}.canaryTrafficPercent it begins with a share, without it takes over.`;
}

function Steering({ pair, write }: { pair: Canary; write: (percent: number | null, said: string) => Promise<boolean> }) {
  const [draft, setDraft] = useDraft(pair, (percent) => write(percent, ""));
  const value = draft ?? pair.asked ?? 100;
  const wait = draft !== null || !settled(pair);
  return (
    <>
      <div className="steering">
        <Slider
          label={`Share of ${pair.newest}`}
          said={(percent) => `${percent} % to ${pair.newest}, ${100 - percent} % to ${pair.stable}`}
          value={value}
          onChange={setDraft}
        />
        <span className="steering-end">
          <span className="number">{value} %</span>
          <span className="mono">{pair.newest}</span>
          <span className="dim">newest</span>
        </span>
        <span className="steering-end steering-stable">
          <span className="number">{100 - value} %</span>
          <span className="mono">{pair.stable}</span>
          <span className="dim">stable</span>
        </span>
      </div>
      <div className="steering-acts">
        <span role="status" className="dim">
          {wait ? `Asked for ${value} %, the gateway gives ${pair.percent} % so far …` : told(pair)}
        </span>
        <Button Icon={Undo2} disabled={value === 0} onClick={() => void write(0, `All traffic goes back to ${pair.stable}`)}>
          Roll back
        </Button>
        <Button
          look="primary"
          Icon={ChevronsRight}
          disabled={pair.asked === undefined}
          onClick={() => void write(null, `${pair.newest} is promoted`)}
        >
          Promote
        </Button>
      </div>
    </>
  );
}

function told({ newest, stable, percent, asked }: Canary): string {
  if (asked === undefined) return `${newest} has all traffic. Roll back gives it to ${stable} again.`;
  if (percent === 0) return `${newest} gets nothing; all traffic is with ${stable}.`;
  return "In effect. Drag the handle, or use the arrow keys, to give the newest more or less.";
}

/** What the hand says before it is written, and until the object says the same. */
function useDraft(pair: Canary, write: (percent: number) => Promise<boolean>): [number | null, (percent: number) => void] {
  const [draft, setDraft] = useState<number | null>(null);
  const latest = useRef(write);
  latest.current = write;
  useEffect(() => {
    if (draft === null) return;
    if (draft === (pair.asked ?? 100)) {
      setDraft(null);
      return;
    }
    const timer = setTimeout(() => void latest.current(draft).then((done) => done || setDraft(null)), REST);
    return () => clearTimeout(timer);
  }, [draft, pair.asked]);
  return [draft, setDraft];
}

/** Standard mode: canaries stand in the spec by name, each with a share of its own. */
export function Variants({ service }: { service: InferenceService }) {
  const listed = service.spec.canary ?? [];
  if (!listed.length) return null;
  return (
    <div className="traffic">
      {listed.map((one, i) => (
        <VariantShare key={one.predictor?.name ?? i} service={service} index={i} />
      ))}
    </div>
  );
}

function VariantShare({ service, index }: { service: InferenceService; index: number }) {
  const one = service.spec.canary?.[index];
  const [draft, setDraft] = useState<number | null>(null);
  const name = one?.predictor?.name ?? `canary ${index + 1}`;
  const value = draft ?? one?.trafficPercent ?? 0;
  const path = object(SERVICE, service.metadata.namespace ?? "", service.metadata.name);
  return (
    <div className="steering">
      <Slider
        label={`Share of ${name}`}
        value={value}
        onChange={setDraft}
        onCommit={(percent) => void attempt(mergePatch(path, variant(service, index, percent))).then(() => setDraft(null))}
      />
      <span className="steering-end">
        <span className="number">{value} %</span>
        <span className="mono">{name}</span>
      </span>
      <span className="steering-end steering-stable">
        <span className="number">{100 - value} %</span>
        <span className="dim">the rest</span>
      </span>
    </div>
  );
}
