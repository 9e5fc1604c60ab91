import { Slider as Radix } from "radix-ui";

interface Props {
  label: string;
  value: number;
  /** What the value means, for who hears it. */
  said?: (value: number) => string;
  min?: number;
  max?: number;
  step?: number;
  disabled?: boolean;
  /** While it moves. */
  onChange: (value: number) => void;
  /** When it rests. */
  onCommit?: (value: number) => void;
}

/** A share, drawn and moved; arrows move by a step, Page keys by ten. */
export function Slider({ label, value, said, min = 0, max = 100, step = 1, disabled = false, onChange, onCommit }: Props) {
  return (
    <Radix.Root
      className="slider"
      value={[value]}
      min={min}
      max={max}
      step={step}
      disabled={disabled}
      onValueChange={([next]) => next !== undefined && onChange(next)}
      onValueCommit={([next]) => next !== undefined && onCommit?.(next)}
    >
      <Radix.Track className="slider-track">
        <Radix.Range className="slider-range" />
      </Radix.Track>
      <Radix.Thumb className="slider-thumb" aria-label={label} aria-valuetext={said?.(value)} />
    </Radix.Root>
  );
}
