"""What stands in for a step: canned outputs, a failure, a function, or one of them for each call in turn.

Called by `node` for every step that starts. Pure but for the users' functions.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from pinnace.kinds.argo import text
from pinnace.testing.contents import Content
from pinnace.testing.step import Step


class UnknownStep(Exception):
    """A replacement is for a step that the workflow does not have, or gives what it does not put out."""


class Outputs(msgspec.Struct, frozen=True, kw_only=True):
    """How a step ends: see `outputs`."""

    result: str | None = None
    parameters: dict[str, str] = {}
    artifacts: dict[str, Content] = {}
    exit_code: int = 0
    message: str = ""
    seconds: float = 0.0


class Fails(Exception):
    """A step that fails; may be returned or raised by a function."""

    def __init__(self, outcome: Outputs) -> None:
        super().__init__(outcome.message or f"exit code {outcome.exit_code}")
        self.outcome = outcome


Once = Outputs | Fails | Callable[..., Any] | str | float | bool | None
Replacement = Once | list[Once]
"""None succeeds without outputs; a text or number is the result. Of a list each call (a retry, a turn of a
loop) takes the next one, and the last one stays."""


def outputs(
    *,
    result: Any = None,
    parameters: Mapping[str, Any] | None = None,
    artifacts: Mapping[str, Content] | None = None,
    exit_code: int = 0,
    seconds: float = 0.0,
) -> Outputs:
    """A step that puts this out. Values that are no text become JSON; `artifacts` are a file's content or a
    folder's (path → content). With an `exit_code` it fails, and its outputs are there all the same.
    `seconds` pass on the workflow's clock."""
    return Outputs(
        result=None if result is None else text(result),
        parameters={name: text(value) for name, value in (parameters or {}).items()},
        artifacts=dict(artifacts or {}),
        exit_code=exit_code,
        seconds=seconds,
    )


def fails(message: str = "", *, exit_code: int = 1, seconds: float = 0.0) -> Fails:
    """A step that fails: with an exit code as the container would, or with the pod's own `message`."""
    return Fails(Outputs(exit_code=exit_code, message=message, seconds=seconds))


class Replacements:
    def __init__(self, given: Mapping[str, Replacement], otherwise: Replacement, *, complete: bool) -> None:
        """`complete`: what is not named is answered by `otherwise`."""
        self._given = dict(given)
        self._otherwise = otherwise
        self._complete = complete
        self._calls: dict[str, int] = {}

    def key(self, names: Iterable[str]) -> str | None:
        return next((name for name in names if name in self._given), None)

    def answer(self, key: str | None, step: Step) -> Outputs | None:
        """None: nothing stands in for it. Raises what a function raises."""
        if key is None and not self._complete:
            return None
        replacement = self._otherwise if key is None else self._given[key]
        if isinstance(replacement, list):
            replacement = self._next(key or "", replacement)
        return _outcome(_called(replacement, step) if callable(replacement) else replacement, step)

    def _next(self, key: str, turns: list[Once]) -> Once:
        if not turns:
            raise UnknownStep(f"{key!r} is replaced by an empty list: expected one outcome for each call")
        count = self._calls.get(key, 0)
        self._calls[key] = count + 1
        return turns[min(count, len(turns) - 1)]

    def check(self, known: Iterable[str], run: Iterable[str]) -> None:
        """Raises UnknownStep for a name that neither the documents have nor a node that ran."""
        names = [*known, *run]
        for key in self._given:
            if key not in names:
                raise UnknownStep(f"no step or template is called {key!r}{nearest(key, names)}")


def nearest(name: str, known: Iterable[str]) -> str:
    import difflib

    choices = sorted({each for each in known if each})
    close = difflib.get_close_matches(name, choices, 1, 0.5)
    return f' (did you mean "{close[0]}"?)' if close else f"; there are {', '.join(choices) or 'none'}"


def _called(function: Callable[..., Any], step: Step) -> Any:
    """A function takes the step, or inputs of the step by their names, or nothing."""
    try:
        wanted = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # some built-in: it gets the step
        return _said(function, step)
    inputs = {**step.parameters, **step.artifacts}
    if wanted and all(each.name in inputs for each in wanted if each.kind is not each.VAR_KEYWORD):
        return _said(function, **{each.name: inputs[each.name] for each in wanted if each.name in inputs})
    needed = [each for each in wanted if each.default is each.empty and each.kind is not each.VAR_KEYWORD]
    if len(needed) <= 1:
        return _said(function, *((step,) if wanted else ()))
    missing = next(each.name for each in needed if each.name not in inputs)
    raise UnknownStep(
        f"the function for {step.template!r} wants {missing!r}, which is no input of it"
        f"{nearest(missing, inputs)}"
    )


def _said(function: Callable[..., Any], *args: Any, **named: Any) -> Any:
    try:
        return function(*args, **named)
    except Fails as failure:
        return failure


def _outcome(said: Any, step: Step) -> Outputs:
    if isinstance(said, Outputs):
        return said
    if isinstance(said, Fails):
        return said.outcome
    if said is None:
        return Outputs()
    if isinstance(said, (str, int, float, bool)):
        return Outputs(result=text(said))
    try:
        return Outputs(result=json.dumps(said))
    except (TypeError, ValueError):
        raise UnknownStep(
            f"the replacement of {step.template!r} returned {type(said).__name__}: expected outputs(…), "
            "fails(…), None, or a value that JSON can say"
        ) from None
