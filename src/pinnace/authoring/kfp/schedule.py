"""When a recurring run starts next: cron with six fields (seconds first), or every so many seconds. Pure.

Callers: `api/kfp` (is it one?), `controllers/pipelines` (when next?). Source: kubeflow/pipelines
backend/src/crd/controller/scheduledworkflow/util.
"""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from pinnace.authoring.kfp.ir import Obj
from pinnace.kinds import cron

FIELDS = 6


class ScheduleError(ValueError):
    """The trigger cannot be read; the message names the field."""


class Trigger(msgspec.Struct, frozen=True):
    """`start` and `end` are unix seconds; 0: none."""

    schedule: cron.Schedule
    seconds: tuple[int, ...] = (0,)
    interval: int = 0
    start: float = 0
    end: float = 0

    @classmethod
    def of(cls, document: Obj) -> Trigger:
        """Raises ScheduleError."""
        given, periodic = document.get("cron_schedule"), document.get("periodic_schedule")
        if bool(given) == bool(periodic):
            raise ScheduleError("trigger: expected either cron_schedule or periodic_schedule")
        found = given or periodic or {}
        start, end = _moment(found, "start_time"), _moment(found, "end_time")
        if periodic:
            interval = int(periodic.get("interval_second") or 0)
            if interval <= 0:
                raise ScheduleError("trigger.periodic_schedule.interval_second: expected a positive number")
            return cls(cron.Schedule(), interval=interval, start=start, end=end)
        schedule, seconds = _cron(str(found.get("cron") or ""))
        return cls(schedule, seconds, start=start, end=end)

    def next(self, after: float) -> float | None:
        """The first time after that one, within start and end."""
        after = max(after, self.start - 1)
        if self.interval:
            base = self.start or 0
            found: float | None = base + (int((after - base) // self.interval) + 1) * self.interval
        else:
            found = self._next(after)
        return found if found is not None and not (self.end and found > self.end) else None

    def _next(self, after: float) -> float | None:
        at = after - 60
        for _ in range(3):
            minute = self.schedule.next(at)
            if minute is None:
                return None
            found = next((minute + second for second in self.seconds if minute + second > after), None)
            if found is not None:
                return found
            at = minute
        return None


def _cron(text: str) -> tuple[cron.Schedule, tuple[int, ...]]:
    fields = text.split()
    try:
        if text.startswith("@"):
            return cron.parse(text), (0,)
        if len(fields) == FIELDS - 1:
            return cron.parse(text), (0,)
        if len(fields) != FIELDS:
            raise ScheduleError(f"trigger.cron_schedule.cron {text!r}: expected six fields, seconds first")
        seconds = cron.parse(f"{fields[0]} * * * *").minutes
        return cron.parse(" ".join(fields[1:])), tuple(sorted(seconds))
    except cron.Malformed as error:
        raise ScheduleError(f"trigger.cron_schedule.cron {text!r}: {error}") from None


def _moment(document: Obj, field: str) -> float:
    text = document.get(field)
    if not text or str(text).startswith(("1970-01-01", "0001-")):
        return 0
    try:
        found = datetime.fromisoformat(str(text).replace("Z", "+00:00"))
    except ValueError:
        raise ScheduleError(f"trigger: {field} {text!r} is no RFC 3339 time") from None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
