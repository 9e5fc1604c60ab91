"""Cron schedules: five fields with names and steps, `@daily` and its kin, `@every 90s`; in any time zone.

Called by admission (is it one?) and by the controllers that keep one (when next?). Source of the grammar and
of what happens when clocks change: github.com/robfig/cron v3, which upstream uses. Where both days are
restricted, either may match; a local time that a clock skips does not happen, one that it repeats happens
twice.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache

import msgspec

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_NAMED = {
    "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
}
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_PART = re.compile(r"(\d+(?:\.\d*)?)(h|ms|m|s|us|µs|ns)")
_ZONED = re.compile(r"(?:CRON_)?TZ=(\S+)\s+")
_YEARS = 5


class Malformed(ValueError):
    """What is wrong with a schedule."""


class Schedule(msgspec.Struct, frozen=True):
    """Sets of the values that match; `every` (seconds) instead, if it is an interval."""

    minutes: frozenset[int] = frozenset()
    hours: frozenset[int] = frozenset()
    days: frozenset[int] = frozenset()
    months: frozenset[int] = frozenset()
    weekdays: frozenset[int] = frozenset()
    any_day: bool = False
    """One of the two day fields says nothing, so both have to match."""
    every: float = 0

    def next(self, after: float, zone: tzinfo = UTC) -> float | None:
        """The first time (unix) after that one; None if there is none in five years."""
        if self.every:
            return float(int(after)) + self.every
        moment = datetime.fromtimestamp(int(after), UTC).replace(second=0) + timedelta(minutes=1)
        end = moment + timedelta(days=366 * _YEARS)
        while moment < end:
            local = moment.astimezone(zone)
            if local.month not in self.months:
                moment = _midnight(local, zone, month=True)
            elif not self._day(local):
                moment = _midnight(local, zone, month=False)
            elif local.hour not in self.hours:
                moment += timedelta(minutes=60 - local.minute)
            elif local.minute not in self.minutes:
                moment += timedelta(minutes=1)
            else:
                return moment.timestamp()
        return None

    def _day(self, local: datetime) -> bool:
        day, weekday = local.day in self.days, local.isoweekday() % 7 in self.weekdays
        return day and weekday if self.any_day else day or weekday


def zone(name: str) -> tzinfo:
    """LookupError: there is none of that name."""
    if not name:
        return UTC
    from zoneinfo import ZoneInfo  # rarely asked for

    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError) as error:
        raise LookupError(f"unknown time zone {name}") from error


def zoned(text: str, name: str = "") -> tuple[Schedule, tzinfo]:
    """A schedule that may say its own zone (`CRON_TZ=Europe/Paris 0 8 * * *`). Raises Malformed."""
    said = _ZONED.match(text)
    if said is not None:
        text, name = text[said.end() :].strip(), said[1]
    try:
        return parse(text), zone(name)
    except LookupError as error:
        raise Malformed(f"provided bad location {name}: {error}") from error


def newest(schedule: Schedule, where: tzinfo, since: float, now: float) -> tuple[float | None, int]:
    """The last time after `since` that is not in the future, and how many there are (nearly, where the gaps
    between them differ). A clock that slept for years costs no more than one that did not."""
    first = schedule.next(since, where)
    if first is None or first > now:
        return None, 0
    second = schedule.next(first, where)
    if second is None or second > now:
        return first, 1
    gap = second - first
    missed = int((now - first) // gap) + 1
    due, following = first, schedule.next(first + max(0, missed - 2) * gap - 1, where)
    if following is None or following > now:  # the gaps differ: look at each
        following = second
    while following is not None and following <= now:
        due, following = following, schedule.next(following, where)
    return due, missed


def _midnight(local: datetime, zone: tzinfo, *, month: bool) -> datetime:
    """The beginning of the next day or month there, as an instant."""
    day = datetime(local.year, local.month, 1 if month else local.day)
    day = (day + timedelta(days=32)).replace(day=1) if month else day + timedelta(days=1)
    found = day.replace(tzinfo=zone).astimezone(UTC)
    earlier = local.astimezone(UTC)
    return found if found > earlier else earlier + timedelta(hours=1)


@cache
def parse(text: str) -> Schedule:
    """Raises Malformed."""
    if text.startswith("@every "):
        return Schedule(every=max(1.0, float(int(_duration(text[7:])))))
    if text.startswith("@"):
        if text not in _NAMED:
            raise Malformed(f"unrecognized descriptor: {text}")
        text = _NAMED[text]
    fields = text.split()
    if len(fields) != 5:
        raise Malformed(f"expected exactly 5 fields, found {len(fields)}: [{' '.join(fields)}]")
    minutes, hours, days, months, weekdays = fields
    return Schedule(
        _field(minutes, 0, 59), _field(hours, 0, 23), _field(days, 1, 31), _field(months, 1, 12, _MONTHS),
        _field(weekdays, 0, 6, _DAYS), _open(days) or _open(weekdays),
    )


def _open(text: str) -> bool:
    """Does it begin with a star, or is it a question mark?"""
    return any(part.split("/")[0] in ("*", "?") for part in text.split(","))


def _field(text: str, least: int, most: int, names: Sequence[str] = ()) -> frozenset[int]:
    found: set[int] = set()
    for part in filter(None, text.split(",")):
        found.update(_span(part, least, most, names))
    return frozenset(found)


def _span(part: str, least: int, most: int, names: Sequence[str]) -> range:
    span, slash, step_text = part.partition("/")
    first_text, dash, last_text = span.partition("-")
    if part.count("/") > 1 or span.count("-") > 1:
        raise Malformed(f"too many {'slashes' if part.count('/') > 1 else 'hyphens'}: {part}")
    if first_text in ("*", "?"):
        first, last = least, most
    else:
        first = _value(first_text, least, names)
        last = _value(last_text, least, names) if dash else most if slash else first
    step = _value(step_text, 0, ()) if slash else 1
    if first < least:
        raise Malformed(f"beginning of range ({first}) below minimum ({least}): {part}")
    if last > most:
        raise Malformed(f"end of range ({last}) above maximum ({most}): {part}")
    if first > last:
        raise Malformed(f"beginning of range ({first}) beyond end of range ({last}): {part}")
    if step == 0:
        raise Malformed(f"step of range should be a positive number: {part}")
    return range(first, last + 1, step)


def _value(text: str, least: int, names: Sequence[str]) -> int:
    if text.lower() in names:
        return names.index(text.lower()) + least
    if not text.isascii() or not text.isdigit():
        raise Malformed(f"failed to parse int from {text}: it is no number")
    return int(text)


def _duration(text: str) -> float:
    if not text or _PART.sub("", text):
        raise Malformed(f"failed to parse duration @every {text}: it is none")
    return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))
