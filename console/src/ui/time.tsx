import { useEffect, useState } from "react";

export function seconds(from: string | undefined, to: string | undefined, now: number): number | null {
  if (!from) return null;
  return Math.max(0, ((to ? Date.parse(to) : now) - Date.parse(from)) / 1000);
}

export function span(value: number | null): string {
  if (value === null) return "–";
  if (value < 60) return `${Math.round(value)} s`;
  if (value < 3600) return `${Math.floor(value / 60)} min ${Math.round(value % 60)} s`;
  return `${Math.floor(value / 3600)} h ${Math.round((value % 3600) / 60)} min`;
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
    <time dateTime={at} title={new Date(at).toLocaleString()} className="number">
      {age(seconds(at, undefined, now) ?? 0)}
      {bare ? "" : " ago"}
    </time>
  );
}
