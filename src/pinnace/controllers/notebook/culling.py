"""Whether a notebook is idle: a pure function from what is seen in it to what is written on it.

Called by `culler`. Source: components/notebook-controller/controllers/culling_controller.go, which sees
kernels alone; here terminals and open connections count, too (a script in a terminal, VS Code).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from pinnace.controllers.moment import stamp, unix
from pinnace.kinds import notebook as kind

BUSY = "busy"
Annotations = dict[str, str | None]
"""A patch: None takes one away."""


class Settings(msgspec.Struct, frozen=True):
    """In seconds. `idle`: after which it is stopped, None for never."""

    idle: float | None = None
    period: float = 60.0


class Seen(msgspec.Struct, frozen=True):
    """What is going on in it. `asked`: it answered the questions of Jupyter; of others only connections
    are known."""

    asked: bool = False
    kernels: tuple[dict[str, Any], ...] = ()
    terminals: tuple[dict[str, Any], ...] = ()
    connections: int = 0


class Verdict(msgspec.Struct):
    annotations: Annotations = {}
    stop: bool = False


def settings(configured: Mapping[str, str], notes: Mapping[str, str]) -> Settings:
    """Of upstream's ConfigMap, and of the notebook's own annotation, which wins. What is no number says
    nothing."""
    on = configured.get("ENABLE_CULLING", "").lower() == "true"
    idle = _minutes(configured.get("CULL_IDLE_TIME"), 1440.0) if on else 0.0
    idle = _minutes(notes.get(kind.IDLE_MINUTES), idle)
    period = _minutes(configured.get("IDLENESS_CHECK_PERIOD"), 1.0)
    return Settings(idle * 60 if idle > 0 else None, max(1.0, period * 60))


def _minutes(text: str | None, default: float) -> float:
    try:
        found = float(text) if text else default
    except ValueError:
        return default
    return found if 0 <= found < 1e9 else default


def decide(notes: Mapping[str, str], seen: Seen | None, wanted: Settings, now: float) -> Verdict:
    """`seen`: None while it does not answer: then nothing is known, and nothing is done."""
    if kind.STOPPED in notes:
        gone: Annotations = {name: None for name in (kind.LAST_ACTIVITY, kind.CHECKED) if name in notes}
        return Verdict(gone)
    if seen is None:
        return Verdict()
    known = unix(notes.get(kind.LAST_ACTIVITY))
    last = max(known, latest(seen, now)) or now
    said: Annotations = {}
    if stamp(last) != notes.get(kind.LAST_ACTIVITY):
        said[kind.LAST_ACTIVITY] = stamp(last)
    if wanted.idle is None:
        return Verdict(said)
    said[kind.CHECKED] = stamp(now)
    judged = seen.asked or kind.IDLE_MINUTES in notes
    if judged and known and now - last >= wanted.idle:
        return Verdict({kind.STOPPED: stamp(now), kind.LAST_ACTIVITY: None, kind.CHECKED: None}, stop=True)
    return Verdict(said)


def latest(seen: Seen, now: float) -> float:
    """When it was last used: now, while a kernel computes or anybody is connected; 0.0 where nothing says."""
    if seen.connections or any(one.get("execution_state") == BUSY for one in seen.kernels):
        return now
    found = (unix(str(one.get("last_activity") or "")) for one in (*seen.kernels, *seen.terminals))
    return min(now, max(found, default=0.0))
