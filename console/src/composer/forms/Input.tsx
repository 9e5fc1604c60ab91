/** One input: a line that comes in, or a value that stands there. */

import { Link2, Unlink } from "lucide-react";
import { IconButton } from "../../ui/Button";
import { SelectField } from "../../ui/Fields";
import type { Port } from "../model";
import { colour, titled } from "../ports/fit";
import { Commit } from "./Commit";
import { fault } from "./faults";

interface InputProps {
  port: Port;
  value: string;
  /** Not given by another object's field. */
  plain: boolean;
  onValue: (value: string) => void;
  onConnect: () => void;
  onDisconnect: () => void;
}

export function Input(props: InputProps) {
  const { port, value, plain } = props;
  const wired = /\b(tasks|steps)[.[]/.test(value);
  return port.kind === "artifact" || wired || !plain ? <Wire {...props} wired={wired} /> : <Parameter {...props} />;
}

function labelOf({ name, required }: Port): string {
  return required ? `${name} *` : name;
}

function Wire({ port, value, wired, onValue, onConnect, onDisconnect }: InputProps & { wired: boolean }) {
  const wanted = `${port.types.map(titled).join(" or ")}${port.required ? "" : ", optional"}`;
  return (
    <div className="wire">
      <span className={`dot port-${colour(port.types[0] ?? "any")}`} aria-hidden />
      <span className="wire-text">
        <span className="wire-name">{labelOf(port)}</span>
        <span className="dim">{value ? spoken(value) : wanted}</span>
      </span>
      {value ? (
        <IconButton label={`Disconnect ${port.name}`} Icon={Unlink} onClick={wired ? onDisconnect : () => onValue("")} />
      ) : (
        <IconButton label={`Connect ${port.name}`} Icon={Link2} onClick={onConnect} />
      )}
    </div>
  );
}

/** A reference as people say it. */
function spoken(text: string): string {
  const found = /^\{\{=?\s*(?:tasks|steps)\.([\w-]+)\.outputs\.(?:(?:artifacts|parameters)\.)?([\w-]+)\s*\}\}$/.exec(text);
  return found ? `${found[2]} of ${found[1]}` : text;
}

function Parameter(props: InputProps) {
  const { port, value, onValue, onConnect } = props;
  const choices = port.enum ?? (port.types[0] === "boolean" ? ["true", "false"] : undefined);
  if (choices) return <Choice {...props} choices={choices} />;
  const number = port.types[0] === "integer" ? "numeric" : port.types[0] === "number" ? "decimal" : "text";
  return (
    <div className="setting">
      <Commit label={labelOf(port)} hint={hintOf(port)} check={(draft) => fault(port, draft)} placeholder={port.default} value={value} onCommit={onValue} inputMode={number} />
      <IconButton label={`Connect ${port.name}`} Icon={Link2} onClick={onConnect} />
    </div>
  );
}

function Choice({ port, value, onValue, choices }: InputProps & { choices: string[] }) {
  const usual = { value: "", label: port.default === undefined ? "choose …" : `${port.default || "empty"} (as it comes)` };
  const odd = value && !choices.includes(value) ? [{ value }] : [];
  const options = [usual, ...choices.map((each) => ({ value: each })), ...odd];
  return <SelectField label={labelOf(port)} hint={hintOf(port)} value={value} options={options} onChange={onValue} />;
}

function hintOf(port: Port): string {
  return [port.description, bounds(port)].filter(Boolean).join(". ");
}

function bounds({ minimum, maximum }: Port): string {
  if (minimum !== undefined && maximum !== undefined) return `${minimum} to ${maximum}`;
  if (minimum !== undefined) return `At least ${minimum}`;
  return maximum === undefined ? "" : `At most ${maximum}`;
}
