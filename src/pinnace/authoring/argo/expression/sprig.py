"""The generic functions of sprig that expressions reach as `sprig.*`. Source: Masterminds/sprig docs.

`env` and `expandenv` do not exist here, as upstream removes them; what would wait or reach out does not
either.
"""

from __future__ import annotations

import base64
import math
import posixpath
import random
import string as ascii_sets
import uuid
import zlib
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from pinnace.authoring.argo.expression import functions, patterns, times, values
from pinnace.authoring.argo.expression import sprig_casts as casts
from pinnace.authoring.argo.expression import sprig_texts as texts
from pinnace.authoring.argo.expression import sprig_versions as versions
from pinnace.authoring.argo.expression.errors import BudgetExceeded, ExpressionError

LIMIT = 1_000_000


def _time(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC)
    return datetime.now(UTC)


def _until(count: Any) -> list[int]:
    return _until_step(0, count, 1 if casts.whole(count) >= 0 else -1)


def _until_step(start: Any, stop: Any, step: Any) -> list[int]:
    numbers = range(casts.whole(start), casts.whole(stop), casts.whole(step) or 1)
    if len(numbers) > LIMIT:
        raise BudgetExceeded("the sequence is too long")
    return list(numbers)


def _fail(message: str) -> Any:
    raise ExpressionError(message)


def _dict(*pairs: Any) -> dict[str, Any]:
    return {
        values.string(pairs[at]): pairs[at + 1] if at + 1 < len(pairs) else ""
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


def _kind(value: Any) -> str:
    names = {"array": "slice", "nil": "invalid", "float": "float64"}
    return names.get(values.type_name(value), values.type_name(value))


def _seq(*given: Any) -> str:
    """By as many numbers as shell's: last; first and last; first, step and last."""
    if not given:
        return ""
    numbers = [casts.whole(value) for value in given]
    first, last = (1, numbers[0]) if len(numbers) == 1 else (numbers[0], numbers[-1])
    step = numbers[1] if len(numbers) > 2 else (1 if last >= first else -1)
    return " ".join(map(str, _until_step(first, last + (1 if step > 0 else -1), step)))


def _in_zone(layout: str, value: Any, zone: str) -> str:
    try:
        place = times.timezone(zone)
    except ExpressionError:
        place = times.timezone("UTC")
    return times.go_format(_time(value).astimezone(place), layout)


def _modified(span: str, value: Any) -> datetime:
    return _time(value) + timedelta(seconds=times.seconds(span))


_UNITS = (("y", 31_536_000), ("mo", 2_592_000), ("d", 86_400), ("h", 3600), ("m", 60), ("s", 1))


def _rounded(value: Any) -> str:
    """The largest unit alone: `2h10m5s` is `2h`."""
    spent = int(times.seconds(value)) if isinstance(value, str) else casts.whole(value)
    return next((f"{abs(spent) // size}{unit}" for unit, size in _UNITS if abs(spent) >= size), "0s")


def _copied(value: Any) -> Any:
    return values.from_json(values.to_json(value))


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
    return [items[at : at + casts.whole(size)] for at in range(0, len(items), max(1, casts.whole(size)))]


def _round(value: Any, places: Any, half: float = 0.5) -> float:
    scale = 10 ** casts.whole(places)
    return float(math.floor(casts.number(value) * scale + half) / scale)


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
    "repeat": texts.repeat,
    "substr": lambda start, stop, value: value[max(0, start) : stop if stop >= 0 else None],
    "nospace": lambda value: "".join(value.split()),
    "trunc": texts.trunc,
    "abbrev": lambda width, value: value if len(value) <= width else value[: max(0, width - 3)] + "...",
    "abbrevboth": texts.abbrev_both,
    "wrap": lambda width, value: texts.wrap(width, "\n", value),
    "wrapWith": lambda width, new, value: texts.wrap(width, new, value),
    "shuffle": lambda value: "".join(random.sample(value, len(value))),
    "contains": lambda part, value: part in value,
    "hasPrefix": lambda prefix, value: value.startswith(prefix),
    "hasSuffix": lambda suffix, value: value.endswith(suffix),
    "quote": lambda *given: " ".join(values.to_json(values.string(value)) for value in given),
    "squote": lambda *given: " ".join(f"'{values.string(value)}'" for value in given),
    "cat": lambda *given: " ".join(values.string(value) for value in given if value is not None),
    "indent": texts.indent,
    "nindent": lambda spaces, value: "\n" + texts.indent(spaces, value),
    "replace": lambda old, new, value: value.replace(old, new),
    "plural": lambda one, many, count: one if count == 1 else many,
    "snakecase": lambda value: "_".join(texts.words(value)).lower(),
    "camelcase": texts.camel,
    "kebabcase": lambda value: "-".join(texts.words(value)).lower(),
    "initials": lambda value: "".join(word[0] for word in value.split()),
    "swapcase": lambda value: value.swapcase(),
    "toString": values.string,
    "toStrings": lambda items: [values.string(item) for item in items],
    "splitList": lambda separator, value: value.split(separator),
    "split": lambda separator, value: {f"_{at}": part for at, part in enumerate(value.split(separator))},
    "splitn": lambda separator, count, value: {
        f"_{at}": part for at, part in enumerate(value.split(separator, casts.whole(count) - 1))
    },
    "join": lambda separator, items: separator.join(values.string(item) for item in items),
    "sortAlpha": lambda items: sorted(values.string(item) for item in items),
    "randAlphaNum": texts.random_text(ascii_sets.ascii_letters + ascii_sets.digits),
    "randAlpha": texts.random_text(ascii_sets.ascii_letters),
    "randNumeric": texts.random_text(ascii_sets.digits),
    "randAscii": texts.random_text(ascii_sets.printable[:94]),
    # regular expressions
    "regexMatch": lambda pattern, value: patterns.matches(value, pattern),
    "regexFindAll": texts.find_all,
    "regexFind": lambda pattern, value: next(iter(texts.find_all(pattern, value, 1)), ""),
    "regexReplaceAll": texts.regex_replace,
    "regexReplaceAllLiteral": lambda pattern, value, new: patterns.compiled(pattern).sub(
        new.replace("\\", "\\\\"), value
    ),
    "regexSplit": lambda pattern, value, count: patterns.compiled(pattern).split(
        value, max(0, casts.whole(count) - 1)
    ),
    "regexQuoteMeta": lambda value: "".join(
        f"\\{char}" if char in r"\.+*?()|[]{}^$" else char for char in value
    ),
    # numbers
    "int": casts.whole,
    "int64": casts.whole,
    "float64": casts.number,
    "toDecimal": lambda value: int(str(value), 8),
    "atoi": casts.whole,
    "add": lambda *given: sum(map(casts.whole, given)),
    "add1": lambda value: casts.whole(value) + 1,
    "sub": lambda left, right: casts.whole(left) - casts.whole(right),
    "div": lambda a, b: int(casts.whole(a) / casts.whole(b)),
    "mod": lambda left, right: int(math.fmod(casts.whole(left), casts.whole(right))),
    "mul": lambda *given: math.prod(map(casts.whole, given)),
    "max": lambda *given: max(map(casts.whole, given)),
    "biggest": lambda *given: max(map(casts.whole, given)),
    "min": lambda *given: min(map(casts.whole, given)),
    "ceil": lambda value: float(math.ceil(casts.number(value))),
    "floor": lambda value: float(math.floor(casts.number(value))),
    "round": _round,
    "addf": lambda *given: sum(map(casts.number, given)),
    "add1f": lambda value: casts.number(value) + 1,
    "subf": lambda first, *rest: casts.number(first) - sum(map(casts.number, rest)),
    "mulf": lambda *given: math.prod(map(casts.number, given)),
    "divf": lambda first, *rest: casts.number(first) / math.prod(map(casts.number, rest)),
    "maxf": lambda *given: max(map(casts.number, given)),
    "minf": lambda *given: min(map(casts.number, given)),
    "randInt": lambda low, high: random.randrange(low, high),  # noqa: S311 - sprig's own is not for secrets
    "until": _until,
    "untilStep": _until_step,
    "seq": _seq,
    # time
    "now": lambda: datetime.now(UTC),
    "date": lambda layout, value: times.go_format(_time(value), layout),
    "dateInZone": _in_zone,
    "date_in_zone": _in_zone,
    "htmlDateInZone": lambda value, zone: _in_zone("2006-01-02", value, zone),
    "date_modify": _modified,
    "durationRound": _rounded,
    "dateModify": _modified,
    "toDate": lambda layout, value: times.parse_date(value, layout),
    "unixEpoch": lambda value: str(int(_time(value).timestamp())),
    "ago": lambda value: times.duration_text(
        timedelta(seconds=int((datetime.now(UTC) - _time(value)).total_seconds()))
    ),
    "duration": lambda value: times.duration_text(timedelta(seconds=casts.whole(value))),
    "htmlDate": lambda value: _time(value).strftime("%Y-%m-%d"),
    # defaults and types
    "default": lambda default, value=None: default if casts.empty(value) else value,
    "empty": casts.empty,
    "coalesce": lambda *given: next((value for value in given if not casts.empty(value)), None),
    "ternary": lambda yes, no, test: yes if test else no,
    "all": lambda *given: not any(map(casts.empty, given)),
    "any": lambda *given: not all(map(casts.empty, given)),
    "fail": _fail,
    "kindOf": _kind,
    "typeOf": _kind,
    "kindIs": lambda kind, value: _kind(value) == kind,
    "typeIs": lambda kind, value: _kind(value) == kind,
    "typeIsLike": lambda kind, value: _kind(value) in (kind, f"*{kind}"),
    "deepEqual": values.equal,
    "deepCopy": _copied,
    # encodings and digests
    "b64enc": lambda value: base64.b64encode(value.encode()).decode(),
    "b64dec": lambda value: base64.b64decode(value).decode(),
    "b32enc": texts.b32,
    "b32dec": lambda value: base64.b32decode(value).decode(),
    "sha1sum": texts.digest("sha1"),
    "sha256sum": texts.digest("sha256"),
    "sha512sum": texts.digest("sha512"),
    "adler32sum": lambda value: str(zlib.adler32(value.encode())),
    "uuidv4": lambda: str(uuid.uuid4()),
    "toJson": values.to_json,
    "toRawJson": values.to_json,
    "toPrettyJson": functions.FUNCTIONS["toJSON"],
    "fromJson": values.from_json,
    "mustToJson": values.to_json,
    "mustFromJson": values.from_json,
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
    "uniq": functions.FUNCTIONS["uniq"],
    "without": lambda items, *dropped: [item for item in items if item not in dropped],
    "has": lambda item, items: any(values.equal(item, other) for other in items or []),
    "compact": lambda items: [item for item in items if not casts.empty(item)],
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
    "semver": versions.semver,
    "semverCompare": versions.semver_compare,
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
