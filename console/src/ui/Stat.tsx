import type { ReactNode } from "react";

/** A number that matters, with its name; `share` (0 to 1) draws how full it is. */
export function Stat({ name, value, detail, share }: { name: string; value: ReactNode; detail?: ReactNode; share?: number | undefined }) {
  return (
    <div className="stat">
      <div className="stat-name">{name}</div>
      <div className="stat-value">{value}</div>
      {share === undefined ? null : (
        <meter className="stat-share" min={0} max={1} high={0.85} optimum={0.2} value={Math.min(1, share)} aria-label={name} />
      )}
      {detail ? <div className="stat-detail">{detail}</div> : null}
    </div>
  );
}

export function Stats({ children }: { children: ReactNode }) {
  return <div className="stats">{children}</div>;
}
