"""Whether a failed attempt is followed by another, and when. Source: upstream docs/retries.md, operator.go.

Pure: attempts and the time go in, a verdict comes out.
"""

from __future__ import annotations

from typing import Any

import msgspec

from pinnace.authoring.argo.expression.errors import ExpressionError
from pinnace.authoring.argo.expression.times import seconds
from pinnace.kinds.argo import Backoff, RetryStrategy, text

TRANSIENT = ("exceeded quota", "i/o timeout", "connection reset by peer", "TLS handshake timeout", "NodeLost")


class Attempt(msgspec.Struct, frozen=True):
    """The newest attempt. Times are unix seconds; `number` counts from 0."""

    number: int
    phase: str
    message: str
    finished: float
    first_started: float
    exit_code: str = ""


class Verdict(msgspec.Struct, frozen=True):
    """`again`: start the next attempt, not before `at`; else the retry node ends with `phase` and
    `message`."""

    again: bool
    at: float = 0
    phase: str = ""
    message: str = ""


def judge(strategy: RetryStrategy, attempt: Attempt, expression: bool | None) -> Verdict:
    """`expression`: what `retryStrategy.expression` gave, None without one."""
    if attempt.phase == "Succeeded":
        return Verdict(False, phase="Succeeded")
    stop = _backoff_stop(strategy.backoff, attempt)
    if stop:
        return Verdict(False, phase=attempt.phase, message=stop)
    if not _policy(strategy, expression is not None, attempt):
        return Verdict(False, phase=attempt.phase, message=attempt.message)
    if expression is False:
        return Verdict(False, phase=attempt.phase, message="retryStrategy.expression evaluated to false")
    limit = _limit(strategy.limit)
    if limit is not None and attempt.number >= limit:
        return Verdict(False, phase=attempt.phase, message="No more retries left")
    return Verdict(True, at=attempt.finished + wait(strategy.backoff, attempt.number))


def _limit(value: Any) -> int | None:
    if value is None or value == "":
        return None
    try:
        return int(text(value))
    except ValueError:
        raise ExpressionError(f"retryStrategy.limit is not a number: {text(value)!r}") from None


def _policy(strategy: RetryStrategy, has_expression: bool, attempt: Attempt) -> bool:
    policy = strategy.retry_policy or ("Always" if has_expression else "OnFailure")
    if policy == "Always":
        return True
    if policy == "OnError":
        return attempt.phase == "Error"
    if policy == "OnTransientError":
        return any(sign in attempt.message for sign in TRANSIENT)
    return attempt.phase == "Failed"


def span(value: Any) -> float:
    """A duration: a number of seconds, or Go's `2m30s`."""
    shown = text(value)
    try:
        return float(shown)
    except ValueError:
        return seconds(shown)


def wait(backoff: Backoff | None, number: int) -> float:
    """Seconds between the end of attempt `number` and the start of the next."""
    if backoff is None or not text(backoff.duration):
        return 0
    delay = span(backoff.duration)
    if backoff.factor not in (None, ""):
        try:
            delay *= float(text(backoff.factor)) ** number
        except OverflowError:
            delay = float("inf")
    return min(delay, span(backoff.cap)) if backoff.cap else min(delay, 1e9)


def _backoff_stop(backoff: Backoff | None, attempt: Attempt) -> str:
    if backoff is None or not backoff.max_duration:
        return ""
    until = attempt.first_started + span(backoff.max_duration)
    if attempt.finished > until:
        return "Max duration limit exceeded"
    if attempt.finished + wait(backoff, attempt.number) > until:
        return "Backoff would exceed max duration limit"
    return ""


def backoff_message(delay: float) -> str:
    """`Backoff for 1 minutes 3 seconds`."""
    whole = round(delay)
    units = ((86400, "days"), (3600, "hours"), (60, "minutes"), (1, "seconds"))
    parts = []
    for size, name in units:
        count, whole = divmod(whole, size)
        if count:
            parts.append(f"{count} {name}")
    return f"Backoff for {' '.join(parts) or '0 seconds'}"
