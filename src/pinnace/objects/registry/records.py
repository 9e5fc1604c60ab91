"""The registry's records: models, versions, artifacts, experiments, runs, and what serves them.

Kubeflow's Model Registry and MLflow are two languages for the same things, so there is one record for each
thing, in the words of the Model Registry (`customProperties` are MLflow's tags). Rows: "registry" (kind, id).
Everything is read once, at the first question, and then answered from memory; a change is on disk before
anybody sees it. Callers: `api/registry`, `api/mlflow`, `objects/lineage`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from pinnace.store.interface import Row, Store

ROW = "registry"
MODEL, VERSION, ARTIFACT = "RegisteredModel", "ModelVersion", "Artifact"
EXPERIMENT, RUN, LOGGED = "Experiment", "ExperimentRun", "LoggedModel"
ENVIRONMENT, SERVICE, SERVE = "ServingEnvironment", "InferenceService", "ServeModel"
KINDS = (MODEL, VERSION, ARTIFACT, EXPERIMENT, RUN, LOGGED, ENVIRONMENT, SERVICE, SERVE)
SAID = {MODEL: "name", EXPERIMENT: "name", RUN: "uuid", LOGGED: "uuid"}
"""The field by which a record of a kind is asked for besides its id; unique."""
DEFAULT = "Default"
"""The experiment of runs that name none. Its id is 1; MLflow calls it 0."""

Record = dict[str, Any]


class Absent(LookupError):
    """There is no such record; the text says what was looked for."""


class Taken(ValueError):
    """A name that must be unique is in use."""


class Unfit(ValueError):
    """A value that this record cannot have; the text names the field."""


class Registry:
    """`clock` gives unix seconds."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        self.store = store
        self._clock = clock
        self._tables: dict[str, dict[int, Record]] | None = None
        self._said: dict[tuple[str, str], int] = {}
        self._newest: dict[str, int] = {}
        self._writing = asyncio.Lock()

    # -- reading ----------------------------------------------------------------------------------------

    def table(self, kind: str) -> dict[int, Record]:
        """All records of a kind by id, in the order of their making. Never change them."""
        if self._tables is None:
            self._tables = self._read()
        return self._tables[kind]

    def get(self, kind: str, number: int | str) -> Record:
        """Raises Absent."""
        found = self.table(kind).get(int(number)) if str(number).isdecimal() else None
        if found is None:
            raise Absent(f"no {kind} found for id {number}")
        return found

    def said(self, kind: str, text: str) -> Record | None:
        """By its name (of a run: its MLflow id)."""
        self.table(kind)
        number = self._said.get((kind, text))
        return None if number is None else self.table(kind)[number]

    def where(self, kind: str, **fields: Any) -> list[Record]:
        """Those whose fields are so, in the order of their making."""
        wanted, every = fields.items(), self.table(kind).values()
        return [one for one in every if all(one.get(key) == value for key, value in wanted)]

    @property
    def now(self) -> int:
        """Milliseconds, as both APIs count."""
        return int(self._clock() * 1000)

    def _read(self) -> dict[str, dict[int, Record]]:
        tables: dict[str, dict[int, Record]] = {kind: {} for kind in KINDS}
        for kind, key, _, body in self.store.rows(ROW):
            if kind in tables:
                record = msgspec.json.decode(body)
                tables[kind][int(key)] = record
                self._learn(kind, record)
        self._newest = {kind: max(table, default=0) for kind, table in tables.items()}
        inner = (_inner(run) for run in tables[RUN].values())
        self._newest[ARTIFACT] = max(self._newest[ARTIFACT], max(inner, default=0))
        return tables

    def _learn(self, kind: str, record: Record) -> None:
        if (field := SAID.get(kind)) and record.get(field):
            self._said[kind, record[field]] = record["id"]

    # -- writing ----------------------------------------------------------------------------------------

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Writing]:
        """One transaction: what was put inside is committed at the end, or nothing if it raises."""
        async with self._writing:
            turn = Writing(self)
            yield turn
            await self._commit(turn)

    async def _commit(self, turn: Writing) -> None:
        rows = [_row(kind, number, record) for (kind, number), record in turn.staged.items()]
        if not rows and not turn.rows:
            return
        await self.store.commit([*rows, *turn.rows])
        for (kind, number), record in turn.staged.items():
            table = self.table(kind)
            if (before := table.get(number)) is not None:
                self._said.pop((kind, before.get(SAID.get(kind, "")) or ""), None)
            if record is None:
                table.pop(number, None)
            else:
                table[number] = record
                self._learn(kind, record)

    def allot(self, kind: str) -> int:
        """A number that no record of the kind ever had in this life of the process."""
        self.table(kind)
        self._newest[kind] = max(self._newest[kind] + 1, 2 if kind == EXPERIMENT else 1)
        return self._newest[kind]


class Writing:
    """`staged`: (kind, id) → the record to be, None for one that goes. `rows`: what is written along."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.staged: dict[tuple[str, int], Record | None] = {}
        self.rows: list[Row] = []

    def add(self, kind: str, record: Record, number: int = 0) -> Record:
        """A new record, with id and times. Raises Taken."""
        if (field := SAID.get(kind)) and self.registry.said(kind, record.get(field) or "") is not None:
            raise Taken(f"{kind} {record[field]!r} exists already")
        now = self.registry.now
        made = {
            **record, "id": number or self.registry.allot(kind), "createTimeSinceEpoch": now,
            "lastUpdateTimeSinceEpoch": now,
        }
        self.staged[kind, made["id"]] = made
        return made

    def put(self, kind: str, record: Record, **changes: Any) -> Record:
        """The record with these fields changed. Raises Taken."""
        said = changes.get(SAID.get(kind, ""))
        if said and self.registry.said(kind, said) not in (None, record):
            raise Taken(f"{kind} {said!r} exists already")
        now = self.registry.now
        made = {**self.current(kind, record), **changes, "lastUpdateTimeSinceEpoch": now}
        self.staged[kind, made["id"]] = made
        return made

    def current(self, kind: str, record: Record) -> Record:
        """As this transaction has left it so far."""
        return self.staged.get((kind, record["id"])) or record

    def remove(self, kind: str, records: Iterable[Record]) -> None:
        for record in records:
            self.staged[kind, record["id"]] = None


def _row(kind: str, number: int, record: Record | None) -> Row:
    return Row(ROW, kind, f"{number:09d}", None if record is None else msgspec.json.encode(record))


def _inner(run: Record) -> int:
    """The greatest id among a run's parameters and metrics, which are artifacts too."""
    both = (*(run.get("params") or {}).values(), *(run.get("metrics") or {}).values())
    return max((one["id"] for one in both), default=0)


# -- properties -----------------------------------------------------------------------------------------

_VALUES = {
    "MetadataStringValue": "string_value", "MetadataIntValue": "int_value",
    "MetadataDoubleValue": "double_value", "MetadataBoolValue": "bool_value",
    "MetadataStructValue": "struct_value", "MetadataProtoValue": "proto_value",
}


def string_value(text: str) -> Record:
    return {"metadataType": "MetadataStringValue", "string_value": text}


def plain(value: Record) -> Any:
    """What a MetadataValue holds; a number of `int_value`, which travels as text."""
    for field in _VALUES.values():
        if field in value:
            found = value[field]
            return int(found) if field == "int_value" else found
    return None


def as_text(value: Record) -> str:
    """As an MLflow tag shows it."""
    found = plain(value)
    return found if isinstance(found, str) else msgspec.json.encode(found).decode()


def checked(properties: Any) -> Record:
    """`customProperties` of a request. Raises Unfit."""
    if not isinstance(properties, dict):
        raise Unfit("customProperties: expected an object of metadata values")
    for name, value in properties.items():
        field = _VALUES.get(value.get("metadataType", "")) if isinstance(value, dict) else None
        if field is None:
            raise Unfit(f"customProperties.{name}: expected a `metadataType` among {', '.join(_VALUES)}")
        if field not in value:
            raise Unfit(f"customProperties.{name}: a {value['metadataType']} needs `{field}`")
    return properties


def tags(record: Record) -> dict[str, str]:
    return {name: as_text(value) for name, value in (record.get("customProperties") or {}).items()}


def tagged(record: Record, changes: dict[str, str | None]) -> Record:
    """The properties with tags set, or taken away by None."""
    made = dict(record.get("customProperties") or {})
    for name, text in changes.items():
        if text is None:
            made.pop(name, None)
        else:
            made[name] = string_value(text)
    return made
