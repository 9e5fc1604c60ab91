"""Request bodies as plain JSON data, from JSON or YAML.

JSON is tried first: kubectl sends JSON under YAML's name. YAML is read in a thread and without the surprises
that JSON has not: no dates, no tags, no alias bombs. Every refusal is a 400 or 415 with the place.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from pinnace.api.kube import wire
from pinnace.kinds.document import duplicate_fields, duplicate_yaml_keys, refuse_depth
from pinnace.objects.errors import StatusError

if TYPE_CHECKING:
    import yaml

JSON_TYPES = frozenset({"application/json", ""})
PATCH_TYPES = frozenset({
    "application/json-patch+json", "application/merge-patch+json",
    "application/strategic-merge-patch+json",
})
YAML_TYPES = frozenset({"application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml"})
YAML_LIMIT = 1024 * 1024
EXPANSION_LIMIT = 200_000
"""Nodes of a YAML document after its aliases are written out."""
DEPTH_LIMIT = 200
BIG = 256 * 1024
"""Bodies from here on are read beside the loop, piece by piece."""
PIECE = 64 * 1024
"""So much is decoded in one go: a decoder holds the interpreter until it is done."""
T = TypeVar("T")
_decode = msgspec.json.Decoder().decode
_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_items = msgspec.json.Decoder(list[msgspec.Raw]).decode
_UNREADABLE = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)


async def aside(raw: bytes, work: Callable[[], T]) -> T:
    """Work on a body: at once, or in a thread when the body is big."""
    return await asyncio.to_thread(work) if len(raw) > BIG else work()


async def read(raw: bytes, content_type: str) -> Any:
    """The document of a create or update. StatusError 415: none of JSON, YAML and the known protobuf."""
    media = content_type.partition(";")[0].strip().lower()
    if media in YAML_TYPES:
        return await lenient(raw)
    if media in JSON_TYPES:
        return await strict(raw)
    if media == wire.MEDIA:
        return wire.decode(raw)
    raise unsupported(("application/json", "application/yaml"))


async def strict(raw: bytes) -> Any:
    """JSON or a 400."""
    try:
        return await aside(raw, lambda: _json(raw))
    except _UNREADABLE as problem:
        raise StatusError(400, "BadRequest", f"the body is not valid JSON: {_reason(problem)}") from None


async def lenient(raw: bytes) -> Any:
    """JSON, else YAML, or a 400."""
    try:
        return await aside(raw, lambda: _json(raw))
    except _UNREADABLE:
        if len(raw) > YAML_LIMIT:
            raise StatusError(
                413, "RequestEntityTooLarge",
                f"Request entity too large: limit for YAML is {YAML_LIMIT} bytes; send JSON",
            ) from None
        return await asyncio.to_thread(_yaml, raw)


def _json(raw: bytes) -> Any:
    value = _decode(raw) if len(raw) <= BIG else _piecewise(raw, 0)
    _check_depth(value)
    return value


def _piecewise(raw: bytes | msgspec.Raw, depth: int) -> Any:
    """What `_decode` says, without holding the interpreter for the whole of a long document."""
    if len(view := memoryview(raw)) <= PIECE:
        return _decode(raw)
    if depth > DEPTH_LIMIT:
        raise _too_deep()
    first = bytes(view[:PIECE]).lstrip()[:1]
    if first == b"{":
        return {key: _piecewise(one, depth + 1) for key, one in _fields(raw).items()}
    if first == b"[":
        return [_piecewise(one, depth + 1) for one in _items(raw)]
    return _decode(raw)


async def complaints(raw: bytes, value: Any, content_type: str) -> tuple[str, ...]:
    """What a strict decoder says of keys that stand twice in a body that was read to `value`, in upstream's
    words; the last one of them was kept."""
    media = content_type.partition(";")[0].strip().lower()
    if media == wire.MEDIA:
        return ()
    if media in JSON_TYPES or media in PATCH_TYPES:
        paths = await aside(raw, lambda: duplicate_fields(raw, value))
        return tuple(f'duplicate field "{path}"' for path in paths)
    lines = await aside(raw, lambda: _yaml_complaints(raw, value))
    return ("yaml: unmarshal errors:\n" + "\n".join(f"  {line}" for line in lines),) if lines else ()


def _yaml_complaints(raw: bytes, value: Any) -> list[str]:
    """JSON under YAML's name is YAML too; most of it is found sound without reading it as YAML."""
    if raw.lstrip()[:1] in (b"{", b"[") and not duplicate_fields(raw, value):
        return []
    return duplicate_yaml_keys(raw)


def unsupported(accepted: tuple[str, ...]) -> StatusError:
    return StatusError(
        415, "UnsupportedMediaType",
        "the body of the request was in an unknown format - accepted media types include: "
        + ", ".join(accepted),
    )


def _reason(problem: Exception) -> str:
    return "nested too deeply" if isinstance(problem, RecursionError) else str(problem)


def _yaml(raw: bytes) -> Any:
    import yaml

    try:
        refuse_depth(raw)
        value = yaml.load(raw, Loader=_loader())  # noqa: S506 - a SafeLoader with less
    except (yaml.YAMLError, ValueError, RecursionError, UnicodeDecodeError) as problem:
        reason = " ".join(_reason(problem).split())
        raise StatusError(400, "BadRequest", f"the body is not valid YAML: {reason}") from None
    _check_depth(value)
    _check_expansion(value)
    return _plain(value)


_LOADERS: list[type[yaml.SafeLoader]] = []


def _loader() -> type[yaml.SafeLoader]:
    """PyYAML's safe loader with dates left as strings, as the Kubernetes decoder leaves them."""
    if not _LOADERS:
        import yaml

        base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        made: Any = type("Loader", (base,), {})
        made.yaml_implicit_resolvers = {
            first: [(tag, pattern) for tag, pattern in pairs if tag != "tag:yaml.org,2002:timestamp"]
            for first, pairs in base.yaml_implicit_resolvers.items()
        }
        _LOADERS.append(made)
    return _LOADERS[0]


def _too_deep() -> StatusError:
    return StatusError(400, "BadRequest", f"the body is nested deeper than {DEPTH_LIMIT} levels")


def _check_depth(value: Any) -> None:
    level = [value] if isinstance(value, (dict, list)) else []
    depth = 0
    while level:
        depth += 1
        if depth > DEPTH_LIMIT:
            raise _too_deep()
        unique = {id(item): item for item in level}.values()
        level = [
            child
            for item in unique
            for child in (item.values() if isinstance(item, dict) else item)
            if isinstance(child, (dict, list))
        ]


def _check_expansion(value: Any) -> None:
    sizes: dict[int, int] = {}

    def size(item: Any) -> int:
        if not isinstance(item, (dict, list)):
            return 1
        if id(item) not in sizes:
            children = item.values() if isinstance(item, dict) else item
            sizes[id(item)] = 1 + sum(size(child) for child in children)
        return sizes[id(item)]

    if size(value) > EXPANSION_LIMIT:
        raise StatusError(400, "BadRequest", "the body's YAML aliases expand to too large a document")


def _plain(value: Any) -> Any:
    """The value as JSON has it: string keys, finite numbers, nothing else than JSON's types."""
    if isinstance(value, dict):
        return {_key(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    raise StatusError(400, "BadRequest", f"the body holds a value that JSON has not: {str(value)[:80]!r}")


def _key(key: Any) -> str:
    if isinstance(key, bool):
        return "true" if key else "false"
    if isinstance(key, (str, int, float)):
        return str(key)
    raise StatusError(400, "BadRequest", f"the body has a map key that is not a string: {str(key)[:80]!r}")
