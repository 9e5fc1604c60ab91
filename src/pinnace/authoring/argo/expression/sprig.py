"""The generic functions of sprig that expressions reach as `sprig.*`. Source: Masterminds/sprig docs.

`env` and `expandenv` do not exist here, as upstream removes them; what would wait or reach out does not
either.
"""

from __future__ import annotations

import base64
import hashlib
import math
import posixpath
import random
import re
import secrets
import string as ascii_sets
import uuid
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from pinnace.authoring.argo.expression import builtins
from pinnace.authoring.argo.expression.errors import BudgetExceeded, ExpressionError

LIMIT = 1_000_000
RANDOM_LIMIT = 1_000
"""Some milliseconds of the kernel's random numbers."""


def _empty(value: Any) -> bool:
    return (
        value is None or value is False or value in ("", 0) or (isinstance(value, list | dict) and not value)
    )


def _whole(value: Any) -> int:
    """sprig's cast: what is not a number is 0."""
    try:
        return int(float(value)) if not isinstance(value, bool) else int(value)
    except (TypeError, ValueError):
        return 0


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return 0.0


def _time(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC)
    return datetime.now(UTC)


def _until(count: Any) -> list[int]:
    return _until_step(0, count, 1 if _whole(count) >= 0 else -1)


def _until_step(start: Any, stop: Any, step: Any) -> list[int]:
    numbers = range(_whole(start), _whole(stop), _whole(step) or 1)
    if len(numbers) > LIMIT:
        raise BudgetExceeded("the sequence is too long")
    return list(numbers)


def _repeat(count: Any, value: str) -> str:
    if _whole(count) * len(value) > LIMIT:
        raise BudgetExceeded("repeat makes too much data")
    return value * _whole(count)


def _random(alphabet: str) -> Callable[[Any], str]:
    def make(count: Any) -> str:
        if _whole(count) > RANDOM_LIMIT:
            raise BudgetExceeded(f"at most {RANDOM_LIMIT} random characters can be asked for")
        return "".join(secrets.choice(alphabet) for _ in range(_whole(count)))

    return make


def _regex_replace(pattern: str, value: str, new: str) -> str:
    import re2

    escaped = new.replace("\\", "\\\\")
    converted = re.sub(r"\$\{(\w+)\}|\$(\w+)", lambda group: f"\\g<{group[1] or group[2]}>", escaped)
    return str(re2.sub(pattern, converted, value))


def _find_all(pattern: str, value: str, count: Any) -> list[str]:
    found = [match.group() for match in builtins.compiled(pattern).finditer(value)]
    return found if _whole(count) < 0 else found[: _whole(count)]


def _words(value: str) -> list[str]:
    spaced = "".join(f" {char}" if char.isupper() else char for char in value)
    return spaced.replace("-", " ").replace("_", " ").split()


def _camel(value: str) -> str:
    return "".join(word[:1].upper() + word[1:] for word in value.replace("-", "_").split("_"))


def _fail(message: str) -> Any:
    raise ExpressionError(message)


def _dict(*pairs: Any) -> dict[str, Any]:
    return {
        builtins.string(pairs[at]): pairs[at + 1] if at + 1 < len(pairs) else ""
        for at in range(0, len(pairs), 2)
    }


def _dig(*args: Any) -> Any:
    *path, default, document = args
    for key in path:
        if not isinstance(document, dict) or key not in document:
            return default
        document = document[key]
    return document


def _merge(first: dict[str, Any], *rest: dict[str, Any]) -> dict[str, Any]:
    merged = dict(first)
    for other in rest:
        for key, value in other.items():
            merged.setdefault(key, value)
    return merged


def _indent(spaces: Any, value: str) -> str:
    pad = " " * min(_whole(spaces), 1000)
    return pad + value.replace("\n", f"\n{pad}")


def _trunc(length: Any, value: str) -> str:
    count = _whole(length)
    return value[count:] if count < 0 else value[:count]


def _b32(value: str) -> str:
    return base64.b32encode(value.encode()).decode()


def _semver(version: str) -> dict[str, Any]:
    core, _, metadata = version.removeprefix("v").partition("+")
    numbers, _, prerelease = core.partition("-")
    parts = [int(part) for part in numbers.split(".")] + [0, 0]
    return {
        "Major": parts[0],
        "Minor": parts[1],
        "Patch": parts[2],
        "Prerelease": prerelease,
        "Metadata": metadata,
        "Original": version,
    }


def _kind(value: Any) -> str:
    names = {"array": "slice", "nil": "invalid", "float": "float64"}
    return names.get(builtins.type_name(value), builtins.type_name(value))


def _digest(name: str) -> Callable[[str], str]:
    return lambda value: hashlib.new(name, value.encode(), usedforsecurity=False).hexdigest()


def _seq(*values: Any) -> str:
    """By as many numbers as shell's: last; first and last; first, step and last."""
    if not values:
        return ""
    numbers = [_whole(value) for value in values]
    first, last = (1, numbers[0]) if len(numbers) == 1 else (numbers[0], numbers[-1])
    step = numbers[1] if len(numbers) > 2 else (1 if last >= first else -1)
    return " ".join(map(str, _until_step(first, last + (1 if step > 0 else -1), step)))


def _abbrev_both(left: Any, right: Any, value: str) -> str:
    """goutils.AbbreviateFull: from an offset, at most so many characters."""
    offset, width = _whole(left), _whole(right)
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


def _wrap(width: Any, new: str, value: str) -> str:
    """Words that do not fit begin a new line; none is broken."""
    lines: list[str] = []
    for word in value.split(" "):
        if lines and len(lines[-1]) + 1 + len(word) <= _whole(width):
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return new.join(lines)


def _in_zone(layout: str, value: Any, zone: str) -> str:
    try:
        place = builtins.timezone(zone)
    except ExpressionError:
        place = builtins.timezone("UTC")
    return builtins.go_format(_time(value).astimezone(place), layout)


def _modified(span: str, value: Any) -> datetime:
    return _time(value) + timedelta(seconds=builtins.seconds(span))


_UNITS = (("y", 31_536_000), ("mo", 2_592_000), ("d", 86_400), ("h", 3600), ("m", 60), ("s", 1))


def _rounded(value: Any) -> str:
    """The largest unit alone: `2h10m5s` is `2h`."""
    spent = int(builtins.seconds(value)) if isinstance(value, str) else _whole(value)
    return next((f"{abs(spent) // size}{unit}" for unit, size in _UNITS if abs(spent) >= size), "0s")


def _copied(value: Any) -> Any:
    return builtins.from_json(builtins.to_json(value))


_CONSTRAINT = re.compile(r"(=|!=|>=?|<=?|~|\^)?\s*v?(\d+)(?:\.(\d+|[x*]))?(?:\.(\d+|[x*]))?(-[\w.]+)?")


def _semver_compare(constraint: str, version: str) -> bool:
    """Alternatives by `||`, all of a comma's or space's parts."""
    found = _semver(version)
    mine = (found["Major"], found["Minor"], found["Patch"])
    return any(
        all(_meets(match, mine) for match in _CONSTRAINT.finditer(part)) for part in constraint.split("||")
    )


def _meets(match: re.Match[str], mine: tuple[int, int, int]) -> bool:
    given = [part for part in match.group(2, 3, 4) if part is not None and part.isdigit()]
    wanted = tuple([*map(int, given), 0, 0][:3])
    match match.group(1) or "=":
        case "=":
            return mine[: len(given)] == wanted[: len(given)]
        case "!=":
            return mine[: len(given)] != wanted[: len(given)]
        case ">":
            return mine > wanted
        case ">=":
            return mine >= wanted
        case "<":
            return mine < wanted
        case "<=":
            return mine <= wanted
        case "~":
            return mine >= wanted and mine[: min(2, len(given))] == wanted[: min(2, len(given))]
    fixed = next((at for at, number in enumerate(wanted) if number), 2) + 1  # ^: the first that is not zero
    return mine >= wanted and mine[:fixed] == wanted[:fixed]


def _url(value: str) -> dict[str, str]:
    parts = urlsplit(value)
    user, _, host = parts.netloc.rpartition("@")
    return {
        "scheme": parts.scheme, "host": host, "hostname": parts.hostname or "", "path": parts.path,
        "query": parts.query, "opaque": "", "fragment": parts.fragment, "userinfo": user,
    }  # fmt: skip


def _url_joined(parts: dict[str, str]) -> str:
    who = f"{parts['userinfo']}@" if parts.get("userinfo") else ""
    rest = (parts.get(name, "") for name in ("path", "query", "fragment"))
    return urlunsplit((parts.get("scheme", ""), who + parts.get("host", ""), *rest))


def _chunk(size: Any, items: list[Any]) -> list[list[Any]]:
    return [items[at : at + _whole(size)] for at in range(0, len(items), max(1, _whole(size)))]


def _round(value: Any, places: Any, half: float = 0.5) -> float:
    scale = 10 ** _whole(places)
    return float(math.floor(_number(value) * scale + half) / scale)


SPRIG: dict[str, Any] = {
    # strings
    "trim": lambda value: value.strip(),
    "trimAll": lambda cut, value: value.strip(cut),
    "trimPrefix": lambda prefix, value: value.removeprefix(prefix),
    "trimSuffix": lambda suffix, value: value.removesuffix(suffix),
    "lower": lambda value: value.lower(),
    "upper": lambda value: value.upper(),
    "title": lambda value: " ".join(word[:1].upper() + word[1:] for word in value.split(" ")),
    "untitle": lambda value: " ".join(word[:1].lower() + word[1:] for word in value.split(" ")),
    "repeat": _repeat,
    "substr": lambda start, stop, value: value[max(0, start) : stop if stop >= 0 else None],
    "nospace": lambda value: "".join(value.split()),
    "trunc": _trunc,
    "abbrev": lambda width, value: value if len(value) <= width else value[: max(0, width - 3)] + "...",
    "abbrevboth": _abbrev_both,
    "wrap": lambda width, value: _wrap(width, "\n", value),
    "wrapWith": lambda width, new, value: _wrap(width, new, value),
    "shuffle": lambda value: "".join(random.sample(value, len(value))),
    "contains": lambda part, value: part in value,
    "hasPrefix": lambda prefix, value: value.startswith(prefix),
    "hasSuffix": lambda suffix, value: value.endswith(suffix),
    "quote": lambda *values: " ".join(builtins.to_json(builtins.string(value)) for value in values),
    "squote": lambda *values: " ".join(f"'{builtins.string(value)}'" for value in values),
    "cat": lambda *values: " ".join(builtins.string(value) for value in values if value is not None),
    "indent": _indent,
    "nindent": lambda spaces, value: "\n" + _indent(spaces, value),
    "replace": lambda old, new, value: value.replace(old, new),
    "plural": lambda one, many, count: one if count == 1 else many,
    "snakecase": lambda value: "_".join(_words(value)).lower(),
    "camelcase": _camel,
    "kebabcase": lambda value: "-".join(_words(value)).lower(),
    "initials": lambda value: "".join(word[0] for word in value.split()),
    "swapcase": lambda value: value.swapcase(),
    "toString": builtins.string,
    "toStrings": lambda items: [builtins.string(item) for item in items],
    "splitList": lambda separator, value: value.split(separator),
    "split": lambda separator, value: {f"_{at}": part for at, part in enumerate(value.split(separator))},
    "splitn": lambda separator, count, value: {
        f"_{at}": part for at, part in enumerate(value.split(separator, _whole(count) - 1))
    },
    "join": lambda separator, items: separator.join(builtins.string(item) for item in items),
    "sortAlpha": lambda items: sorted(builtins.string(item) for item in items),
    "randAlphaNum": _random(ascii_sets.ascii_letters + ascii_sets.digits),
    "randAlpha": _random(ascii_sets.ascii_letters),
    "randNumeric": _random(ascii_sets.digits),
    "randAscii": _random(ascii_sets.printable[:94]),
    # regular expressions
    "regexMatch": lambda pattern, value: builtins.matches(value, pattern),
    "regexFindAll": _find_all,
    "regexFind": lambda pattern, value: next(iter(_find_all(pattern, value, 1)), ""),
    "regexReplaceAll": _regex_replace,
    "regexReplaceAllLiteral": lambda pattern, value, new: builtins.compiled(pattern).sub(
        new.replace("\\", "\\\\"), value
    ),
    "regexSplit": lambda pattern, value, count: builtins.compiled(pattern).split(
        value, max(0, _whole(count) - 1)
    ),
    "regexQuoteMeta": lambda value: "".join(
        f"\\{char}" if char in r"\.+*?()|[]{}^$" else char for char in value
    ),
    # numbers
    "int": _whole,
    "int64": _whole,
    "float64": _number,
    "toDecimal": lambda value: int(str(value), 8),
    "atoi": _whole,
    "add": lambda *values: sum(map(_whole, values)),
    "add1": lambda value: _whole(value) + 1,
    "sub": lambda left, right: _whole(left) - _whole(right),
    "div": lambda a, b: int(_whole(a) / _whole(b)),
    "mod": lambda left, right: int(math.fmod(_whole(left), _whole(right))),
    "mul": lambda *values: math.prod(map(_whole, values)),
    "max": lambda *values: max(map(_whole, values)),
    "biggest": lambda *values: max(map(_whole, values)),
    "min": lambda *values: min(map(_whole, values)),
    "ceil": lambda value: float(math.ceil(_number(value))),
    "floor": lambda value: float(math.floor(_number(value))),
    "round": _round,
    "addf": lambda *values: sum(map(_number, values)),
    "add1f": lambda value: _number(value) + 1,
    "subf": lambda first, *rest: _number(first) - sum(map(_number, rest)),
    "mulf": lambda *values: math.prod(map(_number, values)),
    "divf": lambda first, *rest: _number(first) / math.prod(map(_number, rest)),
    "maxf": lambda *values: max(map(_number, values)),
    "minf": lambda *values: min(map(_number, values)),
    "randInt": lambda low, high: random.randrange(low, high),  # noqa: S311 - sprig's own is not for secrets
    "until": _until,
    "untilStep": _until_step,
    "seq": _seq,
    # time
    "now": lambda: datetime.now(UTC),
    "date": lambda layout, value: builtins.go_format(_time(value), layout),
    "dateInZone": _in_zone,
    "date_in_zone": _in_zone,
    "htmlDateInZone": lambda value, zone: _in_zone("2006-01-02", value, zone),
    "date_modify": _modified,
    "durationRound": _rounded,
    "dateModify": _modified,
    "toDate": lambda layout, value: builtins.parse_date(value, layout),
    "unixEpoch": lambda value: str(int(_time(value).timestamp())),
    "ago": lambda value: builtins.duration_text(
        timedelta(seconds=int((datetime.now(UTC) - _time(value)).total_seconds()))
    ),
    "duration": lambda value: builtins.duration_text(timedelta(seconds=_whole(value))),
    "htmlDate": lambda value: _time(value).strftime("%Y-%m-%d"),
    # defaults and types
    "default": lambda default, value=None: default if _empty(value) else value,
    "empty": _empty,
    "coalesce": lambda *values: next((value for value in values if not _empty(value)), None),
    "ternary": lambda yes, no, test: yes if test else no,
    "all": lambda *values: not any(map(_empty, values)),
    "any": lambda *values: not all(map(_empty, values)),
    "fail": _fail,
    "kindOf": _kind,
    "typeOf": _kind,
    "kindIs": lambda kind, value: _kind(value) == kind,
    "typeIs": lambda kind, value: _kind(value) == kind,
    "typeIsLike": lambda kind, value: _kind(value) in (kind, f"*{kind}"),
    "deepEqual": builtins.equal,
    "deepCopy": _copied,
    # encodings and digests
    "b64enc": lambda value: base64.b64encode(value.encode()).decode(),
    "b64dec": lambda value: base64.b64decode(value).decode(),
    "b32enc": _b32,
    "b32dec": lambda value: base64.b32decode(value).decode(),
    "sha1sum": _digest("sha1"),
    "sha256sum": _digest("sha256"),
    "sha512sum": _digest("sha512"),
    "adler32sum": lambda value: str(zlib.adler32(value.encode())),
    "uuidv4": lambda: str(uuid.uuid4()),
    "toJson": builtins.to_json,
    "toRawJson": builtins.to_json,
    "toPrettyJson": builtins.FUNCTIONS["toJSON"],
    "fromJson": builtins.from_json,
    "mustToJson": builtins.to_json,
    "mustFromJson": builtins.from_json,
    # lists and maps
    "list": lambda *items: list(items),
    "tuple": lambda *items: list(items),
    "first": lambda items: items[0] if items else None,
    "last": lambda items: items[-1] if items else None,
    "rest": lambda items: items[1:],
    "initial": lambda items: items[:-1],
    "append": lambda items, item: [*items, item],
    "prepend": lambda items, item: [item, *items],
    "concat": lambda *lists: [item for items in lists for item in items],
    "reverse": lambda items: list(reversed(items)),
    "uniq": builtins.FUNCTIONS["uniq"],
    "without": lambda items, *dropped: [item for item in items if item not in dropped],
    "has": lambda item, items: any(builtins.equal(item, other) for other in items or []),
    "compact": lambda items: [item for item in items if not _empty(item)],
    "slice": lambda items, start=0, stop=None: items[start:stop],
    "chunk": _chunk,
    "dict": _dict,
    "get": lambda document, key: document.get(key, ""),
    "set": lambda document, key, value: {**document, key: value},
    "unset": lambda document, key: {name: value for name, value in document.items() if name != key},
    "hasKey": lambda document, key: key in document,
    "pluck": lambda key, *documents: [document[key] for document in documents if key in document],
    "dig": _dig,
    "merge": _merge,
    "mergeOverwrite": lambda first, *rest: _merge(*reversed([first, *rest])),
    "keys": lambda *documents: [key for document in documents for key in sorted(document)],
    "values": lambda document: [document[key] for key in sorted(document)],
    "pick": lambda document, *names: {name: document[name] for name in names if name in document},
    "omit": lambda document, *names: {name: value for name, value in document.items() if name not in names},
    # paths and versions
    "base": lambda value: value.rstrip("/").rsplit("/", 1)[-1] or "/",
    "dir": lambda value: value.rsplit("/", 1)[0] or "/",
    "clean": posixpath.normpath,
    "osBase": lambda value: value.rstrip("/").rsplit("/", 1)[-1] or "/",
    "osDir": lambda value: value.rsplit("/", 1)[0] or "/",
    "osClean": posixpath.normpath,
    "osIsAbs": lambda value: value.startswith("/"),
    "ext": lambda value: "." + value.rsplit(".", 1)[1] if "." in value.rsplit("/", 1)[-1] else "",
    "isAbs": lambda value: value.startswith("/"),
    "semver": _semver,
    "semverCompare": _semver_compare,
    "urlParse": _url,
    "urlJoin": _url_joined,
}
for _name in (
    *("append", "chunk", "compact", "dateModify", "deepCopy", "first", "has", "initial", "last", "merge"),
    *("mergeOverwrite", "prepend", "push", "regexFind", "regexFindAll", "regexMatch", "regexReplaceAll"),
    *("regexReplaceAllLiteral", "regexSplit", "regexQuoteMeta", "rest", "reverse", "slice", "toDate"),
    *("toPrettyJson", "toRawJson", "uniq", "without"),
):
    if _name in SPRIG:
        SPRIG[f"must{_name[0].upper()}{_name[1:]}"] = SPRIG[_name]
