"""`metadata.managedFields` on the wire: a list of entries, one for each (manager, operation, version,
subresource).

Called by `ownership`. Entries that a client sent and that cannot be read are refused with a 422's cause.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from pinnace.objects.managed import fieldset
from pinnace.objects.managed.fieldset import Set

MOST_UPDATERS = 10
ANCIENT = "ancient-changes"
APPLY, UPDATE = "Apply", "Update"


class Manager(NamedTuple):
    name: str
    operation: str
    api_version: str
    subresource: str = ""

    def spoken(self, time: str = "") -> str:
        """As conflicts name it."""
        text = f'"{self.name}"'
        if self.subresource:
            text += f' with subresource "{self.subresource}"'
        if self.operation == UPDATE:
            text += f" using {self.api_version}"
        return text


class Owned(msgspec.Struct, frozen=True):
    fields: Set
    time: str = ""


Managers = dict[Manager, Owned]


def read(entries: Any) -> Managers:
    """ValueError: not a list of managedFields entries."""
    managers: Managers = {}
    for entry in entries or []:
        if not isinstance(entry, dict) or entry.get("operation") not in (APPLY, UPDATE):
            raise ValueError("operation: must be `Apply` or `Update`")
        texts = (entry.get("manager", ""), entry.get("apiVersion", ""), entry.get("subresource", ""))
        time = entry.get("time") or ""
        if not all(isinstance(text, str) for text in (*texts, time)):
            raise ValueError("manager, apiVersion, subresource and time are strings")
        if entry.get("fieldsType") != "FieldsV1":
            raise ValueError("fieldsType: must be `FieldsV1`")
        manager = Manager(texts[0], entry["operation"], texts[1], texts[2])
        managers[manager] = Owned(fieldset.from_fields(entry.get("fieldsV1") or {}), time)
    return managers


def write(managers: Managers) -> list[dict[str, Any]]:
    ordered = sorted(capped(managers).items(), key=lambda item: (item[0].operation, item[1].time, item[0]))
    return [_entry(manager, owned) for manager, owned in ordered]


def _entry(manager: Manager, owned: Owned) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "apiVersion": manager.api_version,
        "fieldsType": "FieldsV1",
        "fieldsV1": fieldset.to_fields(owned.fields),
        "manager": manager.name,
        "operation": manager.operation,
    }
    if manager.subresource:
        entry["subresource"] = manager.subresource
    if owned.time:
        entry["time"] = owned.time
    return entry


def capped(managers: Managers) -> Managers:
    """At most ten updaters: the oldest are put together, so that an object does not grow for ever."""
    updaters = sorted(
        (m for m in managers if m.operation == UPDATE and m.name != ANCIENT), key=lambda m: managers[m].time
    )
    surplus = updaters[: max(0, len(updaters) - MOST_UPDATERS)]
    result = {m: owned for m, owned in managers.items() if m not in surplus}
    for manager in surplus:
        bucket = Manager(ANCIENT, UPDATE, manager.api_version)
        held = result.get(bucket)
        fields = fieldset.union(held.fields if held else {}, managers[manager].fields)
        result[bucket] = Owned(fields, managers[manager].time)
    return result
