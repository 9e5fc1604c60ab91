"""Names of templates, steps, tasks, parameters and artifacts: there, unique, well formed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

LONGEST = 128
_FIELD = re.compile(r"[a-zA-Z0-9][-a-zA-Z0-9]*")
_PARAMETER = re.compile(r"[-a-zA-Z0-9_]+")
_TAGGED = re.compile(r"{{[-a-zA-Z0-9]+(\.[-a-zA-Z0-9_]+)*}}")
FIELD_WORDS = (
    "name must consist of alpha-numeric characters or '-', and must start with an alpha-numeric character"
    " (e.g. My-name1-2, 123-NAME)"
)
PARAMETER_WORDS = (
    "Parameter/Artifact name must consist of alpha-numeric characters, '_' or '-' e.g. my_param_1, MY-PARAM-1"
)


def field(name: str) -> str:
    """What is wrong with the name of a template, step or task; '' if nothing is."""
    found = []
    if len(name) > LONGEST:
        found.append(f"must be no more than {LONGEST} characters")
    if not _FIELD.fullmatch(name):
        found.append(FIELD_WORDS)
    return ";".join(found)


def parameter(name: str) -> str:
    return "" if _PARAMETER.fullmatch(name) else PARAMETER_WORDS


def dynamic(name: str) -> bool:
    """It is known only when the workflow runs."""
    return _TAGGED.search(name) is not None


def fields(items: Sequence[Any], *, parameters: bool = False) -> Iterator[str]:
    """`[1].name 'a' is not unique`, to stand behind the place of the list."""
    if not items:
        return
    judge = parameter if parameters else field
    names: set[str] = set()
    for at, item in enumerate(items):
        name = str((item or {}).get("name") or "")
        if not name:
            yield f"[{at}].name is required"
        elif wrong := judge(name):
            yield f"[{at}].name: '{name}' is invalid: {wrong}"
        elif name in names:
            yield f"[{at}].name '{name}' is not unique"
        names.add(name)


def nearest(name: str, known: Iterable[str]) -> str:
    """` (did you mean "x"?)`, or nothing."""
    import difflib  # only for people's mistakes

    close = difflib.get_close_matches(name, [other for other in known if other], 1)
    return f' (did you mean "{close[0]}"?)' if close else ""
