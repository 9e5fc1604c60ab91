import type { Condition } from "../api/types";
import { Mark } from "../ui/Mark";
import { Ago } from "../ui/time";

/** What controllers say of an object, in upstream's words. */
export function Conditions({ items }: { items: Condition[] | undefined }) {
  if (!items?.length) return <p className="dim">No condition yet: its controller has not looked at it.</p>;
  return (
    <div className="table-frame">
      <table aria-label="Conditions">
        <thead>
          <tr>
            <th>Condition</th>
            <th>Status</th>
            <th>Reason</th>
            <th>Message</th>
            <th>Since</th>
          </tr>
        </thead>
        <tbody>
          {items.map((c) => (
            <tr key={c.type}>
              <td>{c.type}</td>
              <td>
                <Mark phase={c.status} />
              </td>
              <td>{c.reason}</td>
              <td>{c.message}</td>
              <td>{c.lastTransitionTime ? <Ago at={c.lastTransitionTime} /> : null}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
