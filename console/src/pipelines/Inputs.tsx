import { useState } from "react";
import { SelectField, TextArea, TextField } from "../ui/Fields";
import { Segments } from "../ui/Page";
import { type Input, type Json, kind, pasted, shown } from "./spec";

const WAYS = ["Form", "JSON"] as const;

interface Props {
  wanted: [name: string, input: Input][];
  /** What was typed; what is missing has its default. */
  texts: Record<string, string>;
  wrong: Record<string, string>;
  parameters: Record<string, Json>;
  onChange: (texts: Record<string, string>) => void;
}

/** The pipeline's inputs: a field for each, or all of them as JSON to be pasted. */
export function Inputs({ wanted, texts, wrong, parameters, onChange }: Props) {
  const [way, setWay] = useState<(typeof WAYS)[number]>("Form");
  if (!wanted.length) return null;
  return (
    <fieldset>
      <legend>Parameters</legend>
      <p>
        <Segments label="How to give them" options={WAYS} value={way} onChange={setWay} />
      </p>
      {way === "JSON" ? (
        <Pasting parameters={parameters} onChange={onChange} />
      ) : (
        <div className="form-row">
          {wanted.map(([name, input]) => (
            <Field
              key={name}
              name={name}
              input={input}
              text={texts[name] ?? shown(input.defaultValue)}
              error={wrong[name]}
              onChange={(text) => onChange({ ...texts, [name]: text })}
            />
          ))}
        </div>
      )}
    </fieldset>
  );
}

function Pasting({ parameters, onChange }: { parameters: Record<string, Json>; onChange: (texts: Record<string, string>) => void }) {
  const [text, setText] = useState(() => JSON.stringify(parameters, null, 2));
  const { found, wrong } = pasted(text);
  return (
    <TextArea
      label="All parameters"
      rows={8}
      value={text}
      error={found ? undefined : wrong}
      hint="JSON or YAML; what is left out has its default."
      onChange={(next) => {
        setText(next);
        const read = pasted(next).found;
        if (read) onChange(read);
      }}
    />
  );
}

interface FieldProps {
  name: string;
  input: Input;
  text: string;
  error: string | undefined;
  onChange: (text: string) => void;
}

function Field({ name, input, text, error, onChange }: FieldProps) {
  const hint = [input.description, kind(input), input.isOptional && input.defaultValue === undefined ? "optional" : ""].filter(Boolean).join(" · ");
  const listed = input.literals?.map((one) => shown(one)) ?? (input.parameterType === "BOOLEAN" ? ["true", "false"] : undefined);
  if (!listed) return <TextField label={name} hint={hint} value={text} error={error} onChange={onChange} />;
  const options = [...(text === "" ? [{ value: "", label: "(default)" }] : []), ...listed.map((one) => ({ value: one }))];
  return <SelectField label={name} hint={hint} value={text} error={error} options={options} onChange={onChange} />;
}
