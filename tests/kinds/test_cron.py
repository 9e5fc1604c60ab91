"""When a schedule comes next, as robfig/cron says."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as some

from pinnace.kinds.cron import Malformed, parse


def after(text: str, moment: str, zone: str = "UTC") -> str:
    place = ZoneInfo(zone)
    found = parse(text).next(datetime.fromisoformat(moment).replace(tzinfo=place).timestamp(), place)
    assert found is not None
    return datetime.fromtimestamp(found, place).strftime("%Y-%m-%d %H:%M %Z")


@pytest.mark.parametrize(("text", "moment", "expected"), [
    ("* * * * *", "2026-01-01 00:00:59", "2026-01-01 00:01 UTC"),
    ("*/15 * * * *", "2026-01-01 00:45", "2026-01-01 01:00 UTC"),
    ("30 8-10/2 * * mon-fri", "2026-01-03 00:00", "2026-01-05 08:30 UTC"),
    ("0 0 29 2 *", "2026-01-01 00:00", "2028-02-29 00:00 UTC"),
    ("0 0 13 * 5", "2026-02-01 00:00", "2026-02-06 00:00 UTC"),
    ("0 0 13 * ?", "2026-02-01 00:00", "2026-02-13 00:00 UTC"),
    ("5,10 0 1 jan *", "2026-01-01 00:05", "2026-01-01 00:10 UTC"),
    ("@weekly", "2026-01-01 00:00", "2026-01-04 00:00 UTC"),
    ("0 12 31 * *", "2026-01-31 12:00", "2026-03-31 12:00 UTC"),
])
def test_the_next_time(text: str, moment: str, expected: str) -> None:
    assert after(text, moment) == expected


def test_a_time_that_the_clock_skips_does_not_happen_and_one_it_repeats_happens_twice() -> None:
    zone = "America/New_York"
    assert after("30 2 * * *", "2026-03-07 12:00", zone) == "2026-03-09 02:30 EDT"
    assert after("30 1 * * *", "2026-11-01 00:00", zone) == "2026-11-01 01:30 EDT"
    assert after("30 1 * * *", "2026-11-01 01:30", zone) == "2026-11-01 01:30 EST"
    assert after("0 0 * * *", "2026-06-01 12:00", "Asia/Kathmandu") == "2026-06-02 00:00 +0545"


def test_an_interval_counts_from_the_last_time() -> None:
    assert parse("@every 1h30m").next(1000.5) == 1000 + 5400


@pytest.mark.parametrize(("text", "why"), [
    ("* * * *", "expected exactly 5 fields, found 4"), ("60 * * * *", "above maximum"),
    ("* * 0 * *", "below minimum"), ("5-1 * * * *", "beyond end"), ("*/0 * * * *", "positive"),
    ("a * * * *", "failed to parse int"), ("@never", "unrecognized descriptor"), ("@every x", "duration"),
])
def test_what_is_no_schedule(text: str, why: str) -> None:
    with pytest.raises(Malformed, match=why):
        parse(text)


@given(some.integers(0, 59), some.integers(0, 23), some.integers(1_600_000_000, 2_000_000_000))
def test_the_next_time_is_the_nearest_that_matches(minute: int, hour: int, since: int) -> None:
    found = parse(f"{minute} {hour} * * *").next(since)
    assert found is not None
    assert 0 < found - since <= 86400
    local = datetime.fromtimestamp(found, UTC)
    assert (local.minute, local.hour, local.second) == (minute, hour, 0)


def test_what_never_comes_is_none() -> None:
    assert parse("0 0 30 2 *").next(0) is None
