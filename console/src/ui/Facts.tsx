import type { ReactNode } from "react";

/** Names and values, one below the other; rows without a value are left out. */
export function Facts({ rows }: { rows: [name: string, value: ReactNode][] }) {
  const told = rows.filter(([, value]) => value !== undefined && value !== null && value !== "");
  return (
    <dl className="fact-list">
      {told.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
