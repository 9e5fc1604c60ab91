"""Write `src/pinnace/api/kube/wire.json`: field numbers of upstream's built-in types, from a kubectl binary.

kubectl creates some built-in objects in protobuf, and its Go types carry their descriptors (facts: names,
numbers, types). Only the types of groups that can be written are kept. Which embedded messages JSON writes
into their parent is read from upstream's OpenAPI in `../shared/specs/kubernetes`.

    python scripts/compile_wire.py /path/to/kubectl-1.32
"""

from __future__ import annotations

import json
import re
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SPECS = ROOT.parent / "shared" / "specs" / "kubernetes"
TARGET = ROOT / "src" / "pinnace" / "api" / "kube" / "wire.json"
GZIP = re.compile(rb"\x1f\x8b\x08\x00\x00\x00\x00\x00[\x00\x02\x04]\xff")
LONGEST = 400_000
GROUPS = (
    "core.v1", "apps.v1", "batch.v1", "rbac.v1", "networking.v1", "policy.v1", "scheduling.v1", "storage.v1",
    "authentication.v1", "authorization.v1", "autoscaling.v1", "autoscaling.v2", "coordination.v1",
    "discovery.v1", "events.v1",
)
SCALARS = {1: "double", 3: "int", 5: "int", 8: "bool", 9: "string", 12: "bytes"}
MESSAGE, REPEATED = 11, 3
Fields = list[tuple[int, Any]]


def varint(data: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[place]
        value |= (byte & 127) << shift
        place, shift = place + 1, shift + 7
        if byte < 128:
            return value, place


def fields(data: bytes) -> Fields:
    """(number, value) of a message; only varints and bytes occur in descriptors."""
    found: Fields = []
    place = 0
    while place < len(data):
        tag, place = varint(data, place)
        value: Any
        value, place = varint(data, place)
        if tag & 7 == 2:
            value, place = data[place : place + value], place + value
        found.append((tag >> 3, value))
    return found


def descriptors(binary: bytes) -> Iterator[Fields]:
    for start in GZIP.finditer(binary):
        try:
            raw = zlib.decompressobj(31).decompress(binary[start.start() : start.start() + LONGEST])
        except zlib.error:
            continue
        if raw[:1] == b"\x0a" and b"generated.proto" in raw[:120]:
            yield fields(raw)


def short(name: str) -> str:
    """`.k8s.io.api.core.v1.Pod` as `core.v1.Pod`, apimachinery's `….meta.v1.Time` as `meta.v1.Time`."""
    name = name.strip(".")
    for prefix in ("k8s.io.apimachinery.pkg.apis.", "k8s.io.apimachinery.pkg.", "k8s.io.api."):
        name = name.removeprefix(prefix)
    return name


def messages(binary: bytes) -> dict[str, dict[int, list[Any]]]:
    found: dict[str, dict[int, list[Any]]] = {}
    for file in descriptors(binary):
        package = next(value.decode() for number, value in file if number == 2)
        for number, value in file:
            if number == 4:
                _message(package, fields(value), found)
    return found


def _message(package: str, message: Fields, found: dict[str, dict[int, list[Any]]]) -> None:
    name = f"{package}.{next(value.decode() for number, value in message if number == 1)}"
    for number, value in message:
        if number == 3:
            _message(name, fields(value), found)
    found[short(name)] = dict(_field(dict(fields(value))) for number, value in message if number == 2)


def _field(facts: dict[int, Any]) -> tuple[int, list[Any]]:
    kind = short(facts[6].decode()) if facts[5] == MESSAGE else SCALARS[facts[5]]
    return facts[3], [facts[1].decode(), kind, *(["*"] if facts[4] == REPEATED else [])]


def properties() -> dict[str, set[str]]:
    """Names of JSON fields by message."""
    found: dict[str, set[str]] = {}
    for file in SPECS.glob("*.json"):
        schemas = json.loads(file.read_text()).get("components", {}).get("schemas", {})
        for name, schema in schemas.items():
            called = short(name.replace("io.k8s.", "k8s.io.", 1))
            found[called] = set(schema.get("properties") or ())
    return found


def marked(known: dict[str, dict[int, list[Any]]], json_names: dict[str, set[str]]) -> None:
    """Mark embedded messages `inline` and wrappers of a list (which JSON writes as a list) `list`."""
    wrappers = {
        name for name, entries in known.items()
        if [entry[0] for entry in entries.values()] == ["items"] and name not in json_names
    }
    for name, entries in known.items():
        names = json_names.get(name)
        for entry in entries.values():
            if entry[1] in wrappers:
                entry[1] = "list:" + entry[1]
            elif names and entry[0] not in names and entry[1] in known and len(entry) == 2:
                inner = {field[0] for field in known[entry[1]].values()}
                if inner & names:
                    entry.append("inline")


def reachable(known: dict[str, dict[int, list[Any]]]) -> dict[str, dict[int, list[Any]]]:
    wanted = [name for name in known if name.rpartition(".")[0] in GROUPS]
    kept: dict[str, dict[int, list[Any]]] = {}
    while wanted:
        name = wanted.pop().removeprefix("list:")
        if name in known and name not in kept:
            kept[name] = known[name]
            wanted += [entry[1] for entry in known[name].values()]
    return dict(sorted(kept.items()))


def main() -> None:
    known = messages(Path(sys.argv[1]).resolve().read_bytes())
    marked(known, properties())
    kept = reachable(known)
    lines = [f"{json.dumps(name)}: {json.dumps(kept[name], separators=(',', ':'))}" for name in kept]
    TARGET.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(f"{len(kept)} messages, {TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main()
