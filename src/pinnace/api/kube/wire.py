"""Bodies in Kubernetes' protobuf, which kubectl's typed commands send (`create namespace`, `auth can-i`, …).

Read into the same JSON data as everything else; answers stay JSON, which those clients accept. The field
numbers in `wire.json` are compiled by `scripts/compile_wire.py`. Envelope: kubernetes/apimachinery
pkg/runtime/serializer/protobuf.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from pinnace.objects.errors import StatusError

MEDIA = "application/vnd.kubernetes.protobuf"
MAGIC = b"k8s\x00"
DATA = Path(__file__).with_name("wire.json")
DEPTH = 64
VALUES = frozenset({
    "hostNetwork", "hostPID", "hostIPC", "stdin", "stdinOnce", "tty", "readOnly", "unschedulable", "paused",
    "publishNotReadyAddresses", "hostPort", "containerPort", "nodePort", "healthCheckNodePort", "weight",
    "initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold",
    "generation", "observedGeneration", "restartCount", "minReadySeconds", "value", "globalDefault",
    "allowed", "denied", "incomplete", "authenticated", "count", "port",
})
"""Fields that are no pointers in Go: unset, they are zero on the wire and absent in JSON."""
KEPT_EMPTY = frozenset({"storageClassName", "volumeAttributesClassName"})
"""Strings whose emptiness says something."""

EVERYWHERE = frozenset({"DeleteOptions"})
"""Kinds of `meta.k8s.io` that are sent in the version of whatever they are about."""

Field = tuple[int, int, Any]
Messages = dict[str, dict[str, list[str]]]


class Malformed(Exception):
    """The bytes are no message of the expected type."""


@cache
def messages() -> Messages:
    return msgspec.json.decode(DATA.read_bytes(), type=Messages)


def decode(raw: bytes) -> dict[str, Any]:
    """The object in an enveloped body. StatusError 400: malformed; 415: a type not known in protobuf."""
    try:
        version, kind, inner = _envelope(raw)
        name = f"meta.v1.{kind}" if kind in EVERYWHERE else f"{_package(version)}.{kind}"
        if name not in messages():
            raise StatusError(
                415, "UnsupportedMediaType",
                f"{kind} in version {version!r} is not read as protobuf here: send application/json",
            )
        return {"apiVersion": version, "kind": kind, **_message(name, inner, DEPTH)}
    except (Malformed, IndexError, struct.error, UnicodeDecodeError, OverflowError, ValueError) as problem:
        raise StatusError(400, "BadRequest", f"the body is not valid protobuf: {problem}") from None


def _package(version: str) -> str:
    group, _, name = version.rpartition("/")
    if version == "meta.k8s.io/v1":
        return "meta.v1"
    return f"{group.partition('.')[0] or 'core'}.{name}"


def _envelope(raw: bytes) -> tuple[str, str, bytes]:
    if not raw.startswith(MAGIC):
        raise Malformed("it does not begin with Kubernetes' mark")
    version = kind = ""
    inner = b""
    for number, wire, value in _fields(raw[len(MAGIC) :]):
        if wire != 2:
            continue
        if number == 1:
            names = {inner_number: text for inner_number, _, text in _fields(value)}
            version, kind = names.get(1, b"").decode(), names.get(2, b"").decode()
        elif number == 2:
            inner = value
    return version, kind, inner


def _fields(data: bytes) -> Iterator[Field]:
    place = 0
    while place < len(data):
        tag, place = _varint(data, place)
        number, wire = tag >> 3, tag & 7
        value: Any
        if wire == 0:
            value, place = _varint(data, place)
        elif wire == 2:
            size, place = _varint(data, place)
            if place + size > len(data):
                raise Malformed("it ends inside a field")
            value, place = data[place : place + size], place + size
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
            value, place = data[place : place + size], place + size
        else:
            raise Malformed(f"wire type {wire}")
        yield number, wire, value


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while shift < 70:
        byte = data[place]
        value |= (byte & 127) << shift
        place, shift = place + 1, shift + 7
        if byte < 128:
            return value, place
    raise Malformed("a number is too long")


def _message(name: str, data: bytes, depth: int) -> dict[str, Any]:
    if depth == 0:
        raise Malformed("it is nested too deeply")
    known = messages()[name]
    found: dict[str, Any] = {}
    for number, _, value in _fields(data):
        entry = known.get(str(number))
        if entry is None:
            if value not in (0, b""):
                raise Malformed(f"{name} has no field {number} here")
            continue
        field, kind, *marks = entry
        if kind.endswith("Entry") and kind.startswith(name):
            pair = _message(kind, value, depth - 1)
            found.setdefault(field, {})[pair.get("key", "")] = pair.get("value", _zero(kind))
        elif "inline" in marks:
            found.update(_message(kind, value, depth - 1))
        elif "*" in marks:
            found.setdefault(field, []).append(_value(kind, value, depth))
        else:
            _put(found, field, _value(kind, value, depth))
    return found


def _zero(kind: str) -> Any:
    return [] if messages()[kind]["2"][1].startswith("list:") else ""


def _put(found: dict[str, Any], field: str, value: Any) -> None:
    unset = value is None or (value == "" and field not in KEPT_EMPTY)
    if not unset and not (field in VALUES and value in (0, False) and not isinstance(value, dict)):
        found[field] = value


def _value(kind: str, value: Any, depth: int) -> Any:
    special = SPECIAL.get(kind)
    if special is not None:
        return special(value)
    if kind.startswith("list:"):
        return _message(kind.removeprefix("list:"), value, depth - 1).get("items", [])
    return _message(kind, value, depth - 1)


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value


def _double(value: bytes) -> float:
    return float(struct.unpack("<d", value)[0])


def _text(value: bytes) -> str:
    return value.decode()


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _numbers(value: bytes) -> dict[int, Any]:
    return {number: inner for number, _, inner in _fields(value)}


def _time(value: bytes) -> str | None:
    """None for the zero time, which an unset field has."""
    seconds = _signed(_numbers(value).get(1, 0)) if value else 0
    if not value or seconds < -62135596800 + 1:
        return None
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _micro_time(value: bytes) -> str | None:
    whole = _time(value)
    nanos = _numbers(value).get(2, 0)
    return whole and f"{whole[:-1]}.{nanos // 1000:06d}Z"


def _quantity(value: bytes) -> str:
    return str(_numbers(value).get(1, b"0").decode())


def _int_or_string(value: bytes) -> int | str:
    parts = _numbers(value)
    return parts.get(3, b"").decode() if parts.get(1, 0) == 1 else _signed(parts.get(2, 0))


def _raw(value: bytes) -> Any:
    found = _numbers(value).get(1, b"")
    try:
        return msgspec.json.decode(found) if found else None
    except msgspec.DecodeError as problem:
        raise Malformed(str(problem)) from None


SPECIAL: dict[str, Callable[[Any], Any]] = {
    "string": _text, "bytes": _base64, "int": _signed, "bool": bool, "double": _double,
    "meta.v1.Time": _time, "meta.v1.MicroTime": _micro_time, "api.resource.Quantity": _quantity,
    "util.intstr.IntOrString": _int_or_string, "runtime.RawExtension": _raw, "meta.v1.FieldsV1": _raw,
}
