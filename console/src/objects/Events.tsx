/** What the controllers said about one object, newest last, as `kubectl describe` does. */

import { useMemo } from "react";
import { EVENT, useMany } from "../api/resources";
import type { KubeObject } from "../api/types";
import { Problem } from "../ui/notes";
import { Ago } from "../ui/time";

export interface EventObject extends KubeObject {
  type?: string;
  reason?: string;
  message?: string;
  count?: number;
  firstTimestamp?: string;
  lastTimestamp?: string;
  eventTime?: string;
  involvedObject: { kind?: string; name?: string; uid?: string };
}

export function when(event: EventObject): string {
  return event.lastTimestamp ?? event.eventTime ?? event.metadata.creationTimestamp;
}

export function Events({ namespace, name, kind }: { namespace: string; name: string; kind: string }) {
  const fields = `involvedObject.name=${name},involvedObject.kind=${kind}`;
  const { items, loaded, error } = useMany(EVENT, namespace, { fields });
  const events = useMemo(() => (items as EventObject[]).toSorted((a, b) => when(a).localeCompare(when(b))), [items]);
  if (error) return <Problem error={error} />;
  if (loaded && events.length === 0) return <p className="dim">No events: nothing out of the ordinary was said.</p>;
  return (
    <ol className="events">
      {events.map((event) => (
        <li key={event.metadata.uid} className={event.type === "Warning" ? "event event-warning" : "event"}>
          <span>
            <strong>{event.reason}</strong> {event.message}
          </span>
          <span className="event-when dim number">
            {event.count && event.count > 1 ? `×${event.count} · ` : ""}
            <Ago at={when(event)} />
          </span>
        </li>
      ))}
    </ol>
  );
}
