"""Python source, written: calls, lists and texts as a person would lay them out. Pure.

Callers: `argo/hera` and `kfp/code`, which make programs of documents.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

WIDTH = 100
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Raw(msgspec.Struct, frozen=True):
    """Source as it stands."""

    text: str


class Call(msgspec.Struct, frozen=True):
    """`name(keyword=value, …)`; a keyword that is no name of Python's makes it `name(**{…})`."""

    name: str
    given: tuple[tuple[str, Any], ...] = ()


def call(name: str, /, **given: Any) -> Call:
    return Call(name, tuple(given.items()))


def source(value: Any, indent: int = 0) -> str:
    """The value as Python, from a line's column `indent` on."""
    flat = _flat(value)
    if len(flat) + indent <= WIDTH and "\n" not in flat:
        return flat
    inner = " " * (indent + 4)
    if isinstance(value, str):
        return text(value)
    if isinstance(value, Call):
        if _starred(value):
            return f"{value.name}(**{source(dict(value.given), indent)})"
        lines = [f"{inner}{key}={source(one, indent + 4)}," for key, one in value.given]
        return _block(f"{value.name}(", lines, ")", indent)
    if isinstance(value, (list, tuple)):
        return _block("[", [f"{inner}{source(one, indent + 4)}," for one in value], "]", indent)
    if isinstance(value, dict):
        lines = [f"{inner}{_key(key)}: {source(one, indent + 4)}," for key, one in value.items()]
        return _block("{", lines, "}", indent)
    return flat


def _block(head: str, lines: list[str], tail: str, indent: int) -> str:
    return "\n".join([head, *lines, " " * indent + tail])


def _flat(value: Any) -> str:
    if isinstance(value, Raw):
        return value.text
    if isinstance(value, Call):
        if _starred(value):
            return f"{value.name}(**{_flat(dict(value.given))})"
        return f"{value.name}({', '.join(f'{key}={_flat(one)}' for key, one in value.given)})"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_flat, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(key)}: {_flat(one)}" for key, one in value.items()) + "}"
    return text(value) if isinstance(value, str) else repr(value)


def _key(key: Any) -> str:
    return key.text if isinstance(key, Raw) else repr(key)


def _starred(value: Call) -> bool:
    return not all(_NAME.fullmatch(key) and not keyword.iskeyword(key) for key, _ in value.given)


def text(value: str) -> str:
    """A text as a literal: on several lines where it has some, and where these would read as they are."""
    plain = "\n" in value.rstrip("\n") and '"""' not in value and "\\" not in value
    if plain and not value.endswith('"') and all(each.isprintable() or each == "\n" for each in value):
        return f'"""\\\n{value}"""'
    quoted = repr(value)
    if quoted.startswith("'") and '"' not in value:
        return f'"{quoted[1:-1]}"'.replace("\\'", "'")
    return quoted


def formatted(texts: Sequence[str], expressions: Sequence[str]) -> str:
    """An f-string: these texts with those expressions between them.

    >>> print(formatted(["a ", "!"], ["b['c']"]))
    f"a {b['c']}!"
    """
    made = ""
    for at, part in enumerate(texts):
        plain = repr(f'"{part}')[2:-1].replace("\\'", "'").replace('"', '\\"')
        made += plain.replace("{", "{{").replace("}", "}}")
        made += f"{{{expressions[at]}}}".replace('"', "'") if at < len(expressions) else ""
    return f'f"{made}"'


def identifier(wanted: str, taken: Iterable[str] = ()) -> str:
    """A name of Python's that is like this one, and not among those.

    >>> identifier("train-model", ["train_model"])
    'train_model_2'
    """
    base = re.sub(r"\W+", "_", wanted).strip("_").lower() or "it"
    base = f"_{base}" if base[0].isdigit() else base
    base = f"{base}_" if keyword.iskeyword(base) else base
    known, name, number = set(taken), base, 2
    while name in known:
        name, number = f"{base}_{number}", number + 1
    return name
