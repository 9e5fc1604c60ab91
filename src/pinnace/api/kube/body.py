"""Request bodies as plain JSON data, from JSON or YAML.

JSON is tried first: kubectl sends JSON under YAML's name. YAML is read in a thread and without the surprises
that JSON has not: no dates, no tags, no alias bombs. Every refusal is a 400 or 415 with the place.
"""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Any

import msgspec

from pinnace.api.kube import wire
from pinnace.objects.errors import StatusError

if TYPE_CHECKING:
    import yaml

JSON_TYPES = frozenset({"application/json", ""})
YAML_TYPES = frozenset({"application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml"})
YAML_LIMIT = 1024 * 1024
EXPANSION_LIMIT = 200_000
"""Nodes of a YAML document after its aliases are written out."""
DEPTH_LIMIT = 200
_decode = msgspec.json.Decoder().decode


async def read(raw: bytes, content_type: str) -> Any:
    """The document of a create or update. StatusError 415: none of JSON, YAML and the known protobuf."""
    media = content_type.partition(";")[0].strip().lower()
    if media in YAML_TYPES:
        return await lenient(raw)
    if media in JSON_TYPES:
        return strict(raw)
    if media == wire.MEDIA:
        return wire.decode(raw)
    raise unsupported(("application/json", "application/yaml"))


def strict(raw: bytes) -> Any:
    """JSON or a 400."""
    try:
        value = _decode(raw)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as problem:
        raise StatusError(400, "BadRequest", f"the body is not valid JSON: {_reason(problem)}") from None
    _check_depth(value)
    return value


async def lenient(raw: bytes) -> Any:
    """JSON, else YAML, or a 400."""
    try:
        value = _decode(raw)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        if len(raw) > YAML_LIMIT:
            raise StatusError(
                413, "RequestEntityTooLarge",
                f"Request entity too large: limit for YAML is {YAML_LIMIT} bytes; send JSON",
            ) from None
        return await asyncio.to_thread(_yaml, raw)
    _check_depth(value)
    return value


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


def _check_depth(value: Any) -> None:
    level = [value] if isinstance(value, (dict, list)) else []
    depth = 0
    while level:
        depth += 1
        if depth > DEPTH_LIMIT:
            raise StatusError(400, "BadRequest", f"the body is nested deeper than {DEPTH_LIMIT} levels")
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
