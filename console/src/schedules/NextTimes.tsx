import { useMemo } from "react";
import type { CronWorkflow } from "../api/types";
import { moment, span, useNow } from "../ui/time";
import { next, schedulesOf } from "./next";

const MINUTE = 60_000;

/** When it runs next; why that cannot be said, if it cannot. */
export function NextTimes({ schedule, count = 1 }: { schedule: CronWorkflow; count?: number }) {
  const now = useNow(true);
  const minute = Math.floor(now / MINUTE);
  const told = useMemo(() => upcoming(schedule, count, new Date(minute * MINUTE)), [schedule, count, minute]);
  if (schedule.spec.suspend) return <span className="dim">suspended</span>;
  if (typeof told === "string") return <span className="dim">{told}</span>;
  return (
    <span className="next-times">
      {told.map((time) => (
        <time key={time.getTime()} dateTime={time.toISOString()} className="number" title={moment(time)}>
          {count > 1 ? `${moment(time)} ` : ""}
          <span className={count > 1 ? "dim" : ""}>in {span(Math.max(0, (time.getTime() - now) / 1000))}</span>
        </time>
      ))}
    </span>
  );
}

export function upcoming(schedule: Pick<CronWorkflow, "spec">, count: number, now: Date): Date[] | string {
  try {
    const found = next(schedulesOf(schedule.spec), schedule.spec.timezone, count, now);
    return found.length ? found : "never again";
  } catch (problem) {
    return problem instanceof Error ? problem.message : String(problem);
  }
}
