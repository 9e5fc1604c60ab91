"""Artifacts that lie elsewhere, from the annotation `pinnace.dev/transfers` into the node's `Run`.

Written by the workflow engine (`controllers/workflow/locations`): locations as upstream's documents have
them, their secrets by name. Here the names become values, as those in a container's environment do; a pod
whose secret is missing waits for it, as on a cluster, where it would be a volume.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from pinnace.kinds.annotations import TRANSFERS
from pinnace.kinds.resource import Obj
from pinnace.node.protocol import Input, Outputs, Remote

if TYPE_CHECKING:
    from pinnace.controllers.pods.found import Found


class Place(msgspec.Struct):
    """One artifact's: `where` is what upstream's location has under `kind`."""

    kind: str
    where: dict[str, Any]
    archive: str = ""
    level: int = 6


class Fetched(msgspec.Struct):
    name: str
    path: str
    place: Place
    mode: int | None = None
    recurse: bool = False
    optional: bool = False


class Transfers(msgspec.Struct):
    inputs: list[Fetched] = []
    outputs: dict[str, Place] = {}
    logs: Place | None = None


_decoder = msgspec.json.Decoder(Transfers)


def read(pod: Obj) -> Transfers:
    return _decoder.decode(pod["metadata"]["annotations"][TRANSFERS])


def secrets(pod: Obj) -> set[str]:
    """The names of all secrets that its locations speak of."""
    told = read(pod)
    places = [
        *(each.place for each in told.inputs),
        *told.outputs.values(),
        *([told.logs] if told.logs else ()),
    ]
    return {name for place in places for name, _ in references(place.where)}


def references(where: Any) -> Iterator[tuple[str, str]]:
    """(name, key) of each secret in a location."""
    if isinstance(where, list):
        for each in where:
            yield from references(each)
    elif isinstance(where, dict):
        for field, value in where.items():
            if is_reference(field, value):
                yield str(value.get("name") or ""), str(value.get("key") or "")
            else:
                yield from references(value)


def is_reference(field: str, value: Any) -> bool:
    """Upstream's locations name secrets in fields that end so: `accessKeySecret: {name, key}`."""
    return (
        isinstance(value, dict) and "key" in value and (field.endswith("Secret") or field == "secretKeyRef")
    )


def arranged(pod: Obj, found: Found, outputs: Outputs | None) -> list[Input]:
    """The inputs to fetch; of `outputs`, those to send get their place. Raises Blocked."""
    told = read(pod)
    if outputs is not None:
        for output in outputs.artifacts:
            if output.name in told.outputs:
                output.remote = remote(told.outputs[output.name], found)
        if told.logs is not None:
            outputs.logs_to = remote(told.logs, found)
    return [
        Input(
            each.name, each.path, "", None, each.mode, each.recurse, remote(each.place, found), each.optional
        )
        for each in told.inputs
    ]


def remote(place: Place, found: Found) -> Remote:
    return Remote(place.kind, filled(place.where, found), place.archive, place.level)


def filled(where: Any, found: Found) -> Any:
    """The location with the values of its secrets."""
    if isinstance(where, list):
        return [filled(each, found) for each in where]
    if not isinstance(where, dict):
        return where
    return {
        field: value_of(value, found) if is_reference(field, value) else filled(value, found)
        for field, value in where.items()
    }


def value_of(reference: dict[str, Any], found: Found) -> str:
    from pinnace.controllers.pods.found import Blocked

    name, key = str(reference.get("name") or ""), str(reference.get("key") or "")
    data = found.secret_data(name, bool(reference.get("optional"))) or {}
    if key not in data and not reference.get("optional"):
        raise Blocked(f"couldn't find key {key} in Secret {found.namespace}/{name}")
    return data.get(key, b"").decode()
