"""Versions of models, however they came: what both APIs do to them in one transaction.

A version has a name (the Model Registry's, any text) and a number (MLflow's, counting from 1). A version that
MLflow makes is named by its number; one that has another name gets the next free number. The files of a
version are its artifacts; MLflow's `source` is the uri of the first.
"""

from __future__ import annotations

from pinnace.objects.registry.records import (
    ARTIFACT,
    MODEL,
    VERSION,
    Absent,
    Record,
    Registry,
    Taken,
    Writing,
)

MODEL_ARTIFACT = "model-artifact"


def of(registry: Registry, model: Record) -> list[Record]:
    return registry.where(VERSION, registeredModelId=model["id"])


def add(turn: Writing, model: Record, fields: Record) -> Record:
    """Raises Taken."""
    known = of(turn.registry, model)
    name = fields.get("name")
    if name and any(one["name"] == name for one in known):
        raise Taken(f"ModelVersion {name!r} of model {model['name']!r} exists already")
    numbers = {one["number"] for one in known}
    newest = max(numbers | {int(model.get("newest") or 0)}, default=0)
    wanted = int(name) if name and _is_number(name) else 0
    number = wanted if wanted and wanted not in numbers else newest + 1
    turn.put(MODEL, model, newest=max(newest, number))
    made = {"state": "LIVE", **fields, "name": name or str(number), "number": number}
    return turn.add(VERSION, {**made, "registeredModelId": model["id"]})


def _is_number(name: str) -> bool:
    return name.isascii() and name.isdecimal() and len(name) < 10 and str(int(name)) == name != "0"


def numbered(registry: Registry, model: Record, number: str) -> Record:
    """MLflow's version of that number. Raises Absent."""
    for one in of(registry, model):
        if str(one["number"]) == str(number) or one["name"] == number:
            return one
    raise Absent(f"Model Version (name={model['name']}, version={number}) not found")


def files(registry: Registry, version: Record) -> list[Record]:
    """The artifacts of a version, models first."""
    found = [one for one in registry.table(ARTIFACT).values() if version["id"] in (one.get("parents") or ())]
    return sorted(found, key=lambda one: one.get("artifactType") != MODEL_ARTIFACT)


def source(registry: Registry, version: Record) -> str:
    """Where its files lie."""
    if version.get("source"):
        return str(version["source"])
    return next((one["uri"] for one in files(registry, version) if one.get("uri")), "")


def attach(turn: Writing, version: Record, fields: Record) -> Record:
    """An artifact of the version: a new one, or the one of this name with these fields."""
    for one in files(turn.registry, version):
        same = one.get("artifactType") == fields.get("artifactType")
        if same and one.get("name") and one.get("name") == fields.get("name"):
            return turn.put(ARTIFACT, one, **fields)
    return turn.add(ARTIFACT, {**fields, "parents": [version["id"]]})


def drop(turn: Writing, version: Record) -> None:
    """With its artifacts, unless another version has them too, and the names that lead to it."""
    gone = [one for one in files(turn.registry, version) if one["parents"] == [version["id"]]]
    turn.remove(ARTIFACT, gone)
    turn.remove(VERSION, [version])
    model = turn.current(MODEL, turn.registry.get(MODEL, version["registeredModelId"]))
    known = (model.get("aliases") or {}).items()
    aliases = {name: number for name, number in known if number != version["number"]}
    if aliases != (model.get("aliases") or {}):
        turn.put(MODEL, model, aliases=aliases)


def drop_model(turn: Writing, model: Record) -> None:
    for version in of(turn.registry, model):
        drop(turn, version)
    turn.remove(MODEL, [model])
