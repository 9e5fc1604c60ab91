import { useEffect, useState } from "react";

export function seconds(from: string | undefined, to: string | undefined, now: number): number | null {
  if (!from) return null;
  return Math.max(0, ((to ? Date.parse(to) : now) - Date.parse(from)) / 1000);
}

/** Two units at most. The API's times are whole seconds: what began and ended in the same one took less than that. */
export function span(value: number | null): string {
  if (value === null) return "–";
  if (value < 1) return "< 1 s";
  const whole = Math.floor(value);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  const hours = Math.floor(minutes / 60);
  return `${Math.floor(hours / 24)} days ${hours % 24} h`;
}

const MINUTE = { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" } as const;
const COARSE = new Intl.DateTimeFormat("en-GB", MINUTE);
const FINE = new Intl.DateTimeFormat("en-GB", { ...MINUTE, year: "numeric", second: "2-digit" });

/** A point in time in the reader's zone, the same on every page: Mon 23 Nov, 06:00; `fine`: with year and second. */
export function moment(time: Date, fine = false): string {
  return (fine ? FINE : COARSE).format(time);
}

/** In one unit, so that a list of ages is read at a glance and does not flicker. */
export function age(value: number): string {
  if (value < 60) return `${Math.floor(value)} s`;
  if (value < 3600) return `${Math.floor(value / 60)} min`;
  if (value < 48 * 3600) return `${Math.floor(value / 3600)} h`;
  return `${Math.floor(value / 86_400)} days`;
}

export function useNow(running: boolean): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (!running) return;
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, [running]);
  return now;
}

export function Duration({ from, to }: { from?: string | undefined; to?: string | undefined }) {
  const now = useNow(Boolean(from) && !to);
  return <span className="number">{span(seconds(from, to, now))}</span>;
}

/** `bare`: in a column whose heading says what it is. */
export function Ago({ at, bare = false }: { at: string; bare?: boolean }) {
  const now = useNow(true);
  return (
    <time dateTime={at} title={moment(new Date(at), true)} className="number">
      {age(seconds(at, undefined, now) ?? 0)}
      {bare ? "" : " ago"}
    </time>
  );
}
