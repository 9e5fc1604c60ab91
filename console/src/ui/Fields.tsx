/** Form fields: a label, a hint, the refusal that names this field. */

import { type InputHTMLAttributes, type ReactNode, useId } from "react";

interface Common {
  label: string;
  hint?: ReactNode;
  error?: string | undefined;
}

function Around({ id, label, hint, error, children }: Common & { id: string; children: ReactNode }) {
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children}
      {hint ? (
        <p id={`${id}-hint`} className="field-hint">
          {hint}
        </p>
      ) : null}
      {error ? (
        <p role="alert" className="field-error">
          {error}
        </p>
      ) : null}
    </div>
  );
}

type TextProps = Common &
  Omit<InputHTMLAttributes<HTMLInputElement>, "onChange" | "value"> & { value: string; onChange: (value: string) => void };

export function TextField({ label, hint, error, value, onChange, ...rest }: TextProps) {
  const id = useId();
  return (
    <Around id={id} label={label} hint={hint} error={error}>
      <input
        id={id}
        value={value}
        aria-invalid={Boolean(error)}
        aria-describedby={hint ? `${id}-hint` : undefined}
        onChange={(e) => onChange(e.target.value)}
        {...rest}
      />
    </Around>
  );
}

export function TextArea(props: Common & { value: string; rows?: number; onChange: (value: string) => void }) {
  const { label, hint, error, value, rows = 4, onChange } = props;
  const id = useId();
  return (
    <Around id={id} label={label} hint={hint} error={error}>
      <textarea id={id} rows={rows} value={value} onChange={(e) => onChange(e.target.value)} />
    </Around>
  );
}

export interface Option {
  value: string;
  label?: string;
}

export function SelectField(props: Common & { value: string; options: Option[]; onChange: (value: string) => void }) {
  const { label, hint, error, value, options, onChange } = props;
  const id = useId();
  return (
    <Around id={id} label={label} hint={hint} error={error}>
      <select id={id} value={value} onChange={(e) => onChange(e.target.value)}>
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.label ?? option.value}
          </option>
        ))}
      </select>
    </Around>
  );
}

export function CheckField(props: { label: string; checked: boolean; onChange: (checked: boolean) => void }) {
  const id = useId();
  return (
    <div className="field-check">
      <input id={id} type="checkbox" checked={props.checked} onChange={(e) => props.onChange(e.target.checked)} />
      <label htmlFor={id}>{props.label}</label>
    </div>
  );
}
