"""sprig's functions of texts that are more than one of Python's. Caller: `sprig`. Source: sprig's docs."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Callable
from typing import Any

from pinnace.authoring.argo.expression import patterns
from pinnace.authoring.argo.expression.errors import BudgetExceeded
from pinnace.authoring.argo.expression.sprig_casts import whole

LIMIT = 1_000_000
RANDOM_LIMIT = 1_000
"""Some milliseconds of the kernel's random numbers."""


def repeat(count: Any, value: str) -> str:
    if whole(count) * len(value) > LIMIT:
        raise BudgetExceeded("repeat makes too much data")
    return value * whole(count)


def random_text(alphabet: str) -> Callable[[Any], str]:
    def make(count: Any) -> str:
        if whole(count) > RANDOM_LIMIT:
            raise BudgetExceeded(f"at most {RANDOM_LIMIT} random characters can be asked for")
        return "".join(secrets.choice(alphabet) for _ in range(whole(count)))

    return make


def regex_replace(pattern: str, value: str, new: str) -> str:
    import re2

    escaped = new.replace("\\", "\\\\")
    converted = re.sub(r"\$\{(\w+)\}|\$(\w+)", lambda group: f"\\g<{group[1] or group[2]}>", escaped)
    return str(re2.sub(pattern, converted, value))


def find_all(pattern: str, value: str, count: Any) -> list[str]:
    found = [match.group() for match in patterns.compiled(pattern).finditer(value)]
    return found if whole(count) < 0 else found[: whole(count)]


def words(value: str) -> list[str]:
    spaced = "".join(f" {char}" if char.isupper() else char for char in value)
    return spaced.replace("-", " ").replace("_", " ").split()


def camel(value: str) -> str:
    return "".join(word[:1].upper() + word[1:] for word in value.replace("-", "_").split("_"))


def indent(spaces: Any, value: str) -> str:
    pad = " " * min(whole(spaces), 1000)
    return pad + value.replace("\n", f"\n{pad}")


def trunc(length: Any, value: str) -> str:
    count = whole(length)
    return value[count:] if count < 0 else value[:count]


def b32(value: str) -> str:
    return base64.b32encode(value.encode()).decode()


def digest(name: str) -> Callable[[str], str]:
    return lambda value: hashlib.new(name, value.encode(), usedforsecurity=False).hexdigest()


def abbrev_both(left: Any, right: Any, value: str) -> str:
    """goutils.AbbreviateFull: from an offset, at most so many characters."""
    offset, width = whole(left), whole(right)
    if width < 4 or (offset > 0 and width < 7) or len(value) <= width:
        return value
    offset = min(offset, len(value))
    if len(value) - offset < width - 3:
        offset = len(value) - (width - 3)
    if offset <= 4:
        return value[: width - 3] + "..."
    if offset + width - 3 < len(value):
        return f"...{value[offset : offset + width - 6]}..."
    return f"...{value[len(value) - (width - 3) :]}"


def wrap(width: Any, new: str, value: str) -> str:
    """Words that do not fit begin a new line; none is broken."""
    lines: list[str] = []
    for word in value.split(" "):
        if lines and len(lines[-1]) + 1 + len(word) <= whole(width):
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return new.join(lines)
