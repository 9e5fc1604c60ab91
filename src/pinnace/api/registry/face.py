"""Kubeflow's Model Registry (`/api/model_registry/v1alpha3` and `v1`) on the registry's records.

It only translates. The unmodified `model-registry` client calls `v1alpha3` up to 0.3.11 and `v1` after it;
`v1` has no experiments and is strict about `orderBy`. Caller: `cli/records`.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any

from pinnace.api.http import NoDocument, Request
from pinnace.api.registry import entities
from pinnace.api.registry.entities import Entity, read, shown
from pinnace.api.registry.listing import page
from pinnace.objects import tickets
from pinnace.objects.errors import StatusError
from pinnace.objects.lineage import contents
from pinnace.objects.registry import records, runs, versions
from pinnace.objects.registry.records import (
    ARTIFACT,
    EXPERIMENT,
    MODEL,
    RUN,
    SERVE,
    SERVICE,
    VERSION,
    Absent,
    Record,
    Registry,
    Taken,
    Unfit,
    Writing,
)

OF_V1ALPHA3 = ("experiment", "experiments", "experiment_run", "experiment_runs")
PARENTS = {VERSION: "registeredModelId", RUN: "experimentId", SERVICE: "servingEnvironmentId"}
"""The field that `parentResourceId` means, by kind."""


class Call:
    """One request. `path` is what follows the version."""

    def __init__(self, registry: Registry, request: Request, version: str, path: list[str]) -> None:
        self.registry = registry
        self.request = request
        self.strict = version == "v1"
        self.path = path
        self.query = request.query

    async def body(self) -> Record:
        try:
            return await self.request.document()
        except NoDocument as problem:
            raise Unfit(str(problem)) from None

    def page(self, kind: str, found: list[Record]) -> Record:
        return page(kind, found, self.query, strict=self.strict)

    @property
    def said(self) -> Record:
        """`pod` and `workspace` of who asks, as far as they are known."""
        return tickets.said(self.request.identity)


Answer = Callable[[Call], Awaitable[tuple[int, Any]]]


class Face:
    def __init__(self, registry: Registry, contents: contents.Contents) -> None:
        self.registry = registry
        self.contents = contents

    async def __call__(self, request: Request) -> None:
        request.resource = "model-registry"
        _, _, version, *path = request.segments()
        try:
            status, answer = await self.answer(Call(self.registry, request, version, path))
        except StatusError as error:
            status, answer = error.code, problem(error.code, str(error))
        except Absent as error:
            status, answer = 404, problem(404, str(error))
        except Taken as error:
            status, answer = 409, problem(409, str(error))
        except Unfit as error:
            status, answer = 400, problem(400, str(error))
        await request.json(status, answer)

    async def answer(self, call: Call) -> tuple[int, Any]:
        path, method = call.path, call.request.method.replace("HEAD", "GET")
        if call.strict and path[0] in OF_V1ALPHA3:
            raise Absent(f"v1 has no {path[0]}; v1alpha3 has")
        if len(path) == 1 and method == "GET" and (kind := FOUND.get(path[0])):
            return 200, shown(kind, self.find(call, kind))
        for verb, pattern, answer in TABLE:
            match = pattern.fullmatch("/".join(path))
            if match and verb == method:
                return await answer(self, call, *match.groups())
        raise Absent(f"the model registry has no {method} {'/'.join(path)}")

    # -- one of a kind ----------------------------------------------------------------------------------

    def find(self, call: Call, kind: str) -> Record:
        """`GET /registered_model?name=`. Raises Unfit, Absent."""
        query, found = call.query, [*self.registry.table(kind).values()]
        name, external, parent = (query.get(key, "") for key in ("name", "externalId", "parentResourceId"))
        if not external and not name:
            raise Unfit("expected externalId, or name (with parentResourceId where there is a parent)")
        if kind in PARENTS and not external and not parent:
            raise Unfit(f"expected externalId, or name and parentResourceId, of a {kind}")
        if parent:
            number = entities.reference(parent, "parentResourceId")
            found = [one for one in found if self.below(kind, one, number)]
        if external:
            found = [one for one in found if one.get("externalId") == external]
        if name:
            found = [one for one in found if one.get("name") == name]
        if kind == ARTIFACT and call.path[0] == "model_artifact":
            found = [one for one in found if one["artifactType"] == versions.MODEL_ARTIFACT]
        if not found:
            raise Absent(f"no {kind} found for {', '.join(f'{k}={v}' for k, v in query.items())}")
        return found[0]

    def below(self, kind: str, record: Record, parent: int) -> bool:
        if kind == ARTIFACT:
            return parent in (record.get("parents") or ()) or record.get("experimentRunId") == parent
        return record.get(PARENTS.get(kind, "")) == parent


    # -- what most kinds have ---------------------------------------------------------------------------

    async def listed(self, call: Call, plural: str) -> tuple[int, Any]:
        kind = entity(plural).kind
        return 200, call.page(kind, [*self.registry.table(kind).values()])

    async def created(self, call: Call, plural: str, given: Record | None = None) -> tuple[int, Any]:
        kind = entity(plural)
        fields = read(kind, given if given is not None else await call.body(), new=True)
        async with self.registry.writing() as turn:
            return 201, shown(kind.kind, self.enter(turn, kind, fields, call))

    def enter(self, turn: Writing, kind: Entity, fields: Record, call: Call) -> Record:
        """Raises Absent, Taken, Unfit."""
        for field, other in kind.refs.items():
            if fields.get(field):
                self.registry.get(other, fields[field])
        self.unique(kind.kind, fields)
        said = call.said
        if kind.kind == VERSION:
            return versions.add(turn, self.registry.get(MODEL, fields["registeredModelId"]), fields | said)
        if kind.kind == RUN:
            return runs.begin(turn, self.registry.get(EXPERIMENT, fields["experimentId"]), fields | said)
        return turn.add(kind.kind, fields)

    def unique(self, kind: str, fields: Record, but: int = 0) -> None:
        """Raises Taken."""
        others = [one for one in self.registry.table(kind).values() if one["id"] != but]
        external = fields.get("externalId")
        if external and any(one.get("externalId") == external for one in others):
            raise Taken(f"{kind} with externalId {external!r} exists already")
        parent, name = PARENTS.get(kind), fields.get("name")
        if kind in (ARTIFACT, SERVE) or not name:
            return
        near = [one for one in others if parent is None or one.get(parent) == fields.get(parent)]
        if any(one.get("name") == name for one in near):
            raise Taken(f"{kind} with the name {name!r} exists already")

    async def got(self, call: Call, plural: str, number: str) -> tuple[int, Any]:
        kind = entity(plural).kind
        return 200, shown(kind, self.registry.get(kind, entities.reference(number, "id")))

    async def changed(self, call: Call, plural: str, number: str) -> tuple[int, Any]:
        kind = entity(plural)
        record = self.registry.get(kind.kind, entities.reference(number, "id"))
        fields = read(kind, await call.body(), new=False)
        for field, other in kind.refs.items():
            if fields.get(field):
                self.registry.get(other, fields[field])
        self.unique(kind.kind, {"externalId": fields.get("externalId")}, record["id"])
        async with self.registry.writing() as turn:
            return 200, shown(kind.kind, turn.put(kind.kind, record, **fields))

    # -- below another ----------------------------------------------------------------------------------

    async def children(self, call: Call, plural: str, number: str, below: str) -> tuple[int, Any]:
        kind, field = CHILDREN[below]
        self.registry.get(entity(plural).kind, entities.reference(number, "id"))
        return 200, call.page(kind, self.registry.where(kind, **{field: int(number)}))

    async def child(self, call: Call, plural: str, number: str, below: str) -> tuple[int, Any]:
        kind, field = CHILDREN[below]
        self.registry.get(entity(plural).kind, entities.reference(number, "id"))
        given = {**await call.body(), field: number}
        if kind == SERVE:
            fields = read(entities.BY_KIND[SERVE], given, new=True)
            self.registry.get(VERSION, fields["modelVersionId"])
            async with self.registry.writing() as turn:
                return 201, shown(SERVE, turn.add(SERVE, {**fields, "inferenceServiceId": int(number)}))
        return await self.created(call, PLURALS[kind], given)

    async def served(self, call: Call, number: str, what: str) -> tuple[int, Any]:
        """What an InferenceService of the registry serves: its version, else the newest of its model."""
        service = self.registry.get(SERVICE, entities.reference(number, "id"))
        model = self.registry.get(MODEL, service["registeredModelId"])
        if what == "model":
            return 200, shown(MODEL, model)
        if service.get("modelVersionId"):
            return 200, shown(VERSION, self.registry.get(VERSION, service["modelVersionId"]))
        newest = versions.of(self.registry, model)
        if not newest:
            raise Absent(f"RegisteredModel {model['name']!r} has no version yet")
        return 200, shown(VERSION, newest[-1])

    # -- artifacts --------------------------------------------------------------------------------------

    def every_artifact(self) -> list[Record]:
        inner = [one for run in self.registry.table(RUN).values() for one in runs.artifacts(run)]
        return [*self.registry.table(ARTIFACT).values(), *inner]

    async def artifacts(self, call: Call, plural: str) -> tuple[int, Any]:
        found = self.every_artifact()
        if plural == "model_artifacts":
            found = [one for one in found if one["artifactType"] == versions.MODEL_ARTIFACT]
        return 200, call.page(ARTIFACT, found)

    async def new_artifact(self, call: Call, plural: str) -> tuple[int, Any]:
        fields = self.artifact_fields(await call.body(), new=True)
        self.unique(ARTIFACT, fields)
        async with self.registry.writing() as turn:
            return 201, shown(ARTIFACT, turn.add(ARTIFACT, fields))

    def artifact_fields(self, given: Record, *, new: bool) -> Record:
        kind = entities.artifact_type(given)
        fields = read(entities.ARTIFACTS[kind], given, new=new)
        if new:
            fields["artifactType"] = kind
            if kind in ("metric", "parameter"):
                fields["state"] = given.get("state") or "LIVE"
        if fields.get("uri"):
            fields |= self.contents.known(fields["uri"])
        return fields

    async def artifact(self, call: Call, plural: str, number: str) -> tuple[int, Any]:
        wanted = entities.reference(number, "id")
        found = self.registry.table(ARTIFACT).get(wanted) or runs.inner(self.registry, wanted)
        return 200, shown(ARTIFACT, found)

    async def changed_artifact(self, call: Call, plural: str, number: str) -> tuple[int, Any]:
        record = self.registry.get(ARTIFACT, entities.reference(number, "id"))
        given = {"artifactType": record["artifactType"], **await call.body()}
        if given["artifactType"] != record["artifactType"]:
            raise Unfit(f"artifactType: this one is a {record['artifactType']} and stays one")
        fields = self.artifact_fields(given, new=False)
        async with self.registry.writing() as turn:
            return 200, shown(ARTIFACT, turn.put(ARTIFACT, record, **fields))

    async def of_version(self, call: Call, number: str) -> tuple[int, Any]:
        version = self.registry.get(VERSION, entities.reference(number, "id"))
        return 200, call.page(ARTIFACT, versions.files(self.registry, version))

    async def to_version(self, call: Call, number: str) -> tuple[int, Any]:
        """A new artifact of the version, or a change of the one that the body's id or name means."""
        version, given = self.registry.get(VERSION, entities.reference(number, "id")), await call.body()
        async with self.registry.writing() as turn:
            if given.get("id"):
                record = self.registry.get(ARTIFACT, entities.reference(given["id"], "id"))
                fields = self.artifact_fields({**given, "artifactType": record["artifactType"]}, new=False)
                parents = sorted({*(record.get("parents") or ()), version["id"]})
                return 200, shown(ARTIFACT, turn.put(ARTIFACT, record, **fields, parents=parents))
            fields = self.artifact_fields(given, new=True)
            made = versions.attach(turn, version, fields)
        return 201, shown(ARTIFACT, made)

    async def of_run(self, call: Call, number: str) -> tuple[int, Any]:
        run = self.registry.get(RUN, entities.reference(number, "id"))
        own = self.registry.where(ARTIFACT, experimentRunId=run["id"])
        return 200, call.page(ARTIFACT, own + runs.artifacts(run))

    async def to_run(self, call: Call, number: str) -> tuple[int, Any]:
        """A metric or parameter is logged; any other artifact belongs to the run from now on."""
        run, given = self.registry.get(RUN, entities.reference(number, "id")), await call.body()
        fields = self.artifact_fields(given, new=True)
        name = str(fields.get("name") or "")
        async with self.registry.writing() as turn:
            if fields["artifactType"] == "metric":
                when = int(fields.get("timestamp") or turn.registry.now)
                metric = {"key": name, "value": fields["value"], "timestamp": when,
                          "step": fields.get("step") or 0}
                logged = runs.log(turn, run, [metric])
            elif fields["artifactType"] == "parameter":
                logged = runs.log(turn, run, params={name: fields["value"]})
            else:
                said = {"experimentRunId": run["id"], "experimentId": run["experimentId"]}
                return 201, shown(ARTIFACT, turn.add(ARTIFACT, {**fields, **said}))
        made = [one for one in runs.artifacts(logged) if one["name"] == name]
        return 201, shown(ARTIFACT, next(o for o in made if o["artifactType"] == fields["artifactType"]))

    async def history(self, call: Call, number: str = "") -> tuple[int, Any]:
        """Every value that was logged, of one run or of all."""
        chosen = [*self.registry.table(RUN).values()]
        if number:
            chosen = [self.registry.get(RUN, entities.reference(number, "id"))]
        steps = {int(step) for step in call.query.get("stepIds", "").split(",") if step.isdecimal()}
        found: list[Record] = []
        for run in chosen:
            said = {"experimentRunId": run["id"], "experimentId": run["experimentId"], "state": "LIVE"}
            for one in runs.history(self.registry, run, call.query.get("name", "")):
                if not steps or int(one.get("step") or 0) in steps:
                    found.append({
                        **said, "id": len(found) + 1, "artifactType": "metric", "name": one["key"],
                        "value": one["value"], "timestamp": str(one.get("timestamp") or 0),
                        "step": one.get("step") or 0, "createTimeSinceEpoch": one.get("timestamp") or 0,
                        "lastUpdateTimeSinceEpoch": one.get("timestamp") or 0,
                    })
        return 200, call.page(ARTIFACT, found)


FOUND = {
    **{one.path: one.kind for one in entities.ENTITIES[:-1]},
    "artifact": ARTIFACT, "model_artifact": ARTIFACT,
}
"""Paths that answer with one record that fits."""
PLURALS = {one.kind: f"{one.path}s" for one in entities.ENTITIES}
CHILDREN = {
    "versions": (VERSION, "registeredModelId"), "experiment_runs": (RUN, "experimentId"),
    "inference_services": (SERVICE, "servingEnvironmentId"), "serves": (SERVE, "inferenceServiceId"),
}


def entity(plural: str) -> Entity:
    return entities.BY_PATH[plural.removesuffix("s")]


def problem(status: int, message: str) -> Record:
    return {"code": str(status), "message": message}


_ONE = f"({'|'.join(f'{one.path}s' for one in entities.ENTITIES[:-1])})"
TABLE: list[tuple[str, re.Pattern[str], Callable[..., Awaitable[tuple[int, Any]]]]] = [
    (verb, re.compile(pattern), answer) for verb, pattern, answer in (
        ("GET", "experiment_runs/metric_history", Face.history),
        ("GET", "experiment_runs/([^/]+)/metric_history", Face.history),
        ("GET", "experiment_runs/([^/]+)/artifacts", Face.of_run),
        ("POST", "experiment_runs/([^/]+)/artifacts", Face.to_run),
        ("GET", "model_versions/([^/]+)/artifacts", Face.of_version),
        ("POST", "model_versions/([^/]+)/artifacts", Face.to_version),
        ("GET", "inference_services/([^/]+)/(model|version)", Face.served),
        ("GET", "(registered_models)/([^/]+)/(versions)", Face.children),
        ("POST", "(registered_models)/([^/]+)/(versions)", Face.child),
        ("GET", "(experiments)/([^/]+)/(experiment_runs)", Face.children),
        ("POST", "(experiments)/([^/]+)/(experiment_runs)", Face.child),
        ("GET", "(serving_environments)/([^/]+)/(inference_services)", Face.children),
        ("POST", "(serving_environments)/([^/]+)/(inference_services)", Face.child),
        ("GET", "(inference_services)/([^/]+)/(serves)", Face.children),
        ("POST", "(inference_services)/([^/]+)/(serves)", Face.child),
        ("GET", "(artifacts|model_artifacts)", Face.artifacts),
        ("POST", "(artifacts|model_artifacts)", Face.new_artifact),
        ("GET", "(artifacts|model_artifacts)/([^/]+)", Face.artifact),
        ("PATCH", "(artifacts|model_artifacts)/([^/]+)", Face.changed_artifact),
        ("GET", _ONE, Face.listed),
        ("POST", _ONE, Face.created),
        ("GET", f"{_ONE}/([^/]+)", Face.got),
        ("PATCH", f"{_ONE}/([^/]+)", Face.changed),
    )
]
__all__ = ["Face", "records"]
