"""Times as objects carry them: RFC 3339 in UTC, whole seconds (`metav1.Time`) or microseconds
(`MicroTime`)."""

from __future__ import annotations

import time
from datetime import datetime

_second = -1
_text = ""


def stamp(unix: float | None = None) -> str:
    """`2026-01-02T03:04:05Z`; now without an argument. The text of one second is made once."""
    global _second, _text
    second = int(time.time() if unix is None else unix)
    if second != _second:
        _text = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(second))
        _second = second
    return _text


def micro(unix: float | None = None) -> str:
    moment = time.time() if unix is None else unix
    return f"{stamp(moment)[:-1]}.{int(moment % 1 * 1_000_000):06d}Z"


def unix(text: str | None) -> float:
    """Seconds since 1970 of either form; 0.0 for an absent or malformed time."""
    if not text:
        return 0.0
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
    except ValueError:
        return 0.0
