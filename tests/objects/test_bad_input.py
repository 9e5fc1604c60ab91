"""Whatever a client sends, the door answers with an object or a StatusError, never with anything else."""

from __future__ import annotations

import asyncio
import copy
import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pinnace.kinds.catalogue import Catalogue
from pinnace.objects.client import DeleteOptions, Options, Selection
from pinnace.objects.errors import StatusError
from pinnace.objects.local import Local
from pinnace.store.sqlite import SqliteStore
from tests.objects.test_deletion import DEFINITIONS, definition
from tests.objects.test_writing import pod

TEMPLATE = {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "x"}]}}
BODIES: dict[str, dict[str, Any]] = {
    "pods": pod(
        "x",
        volumes=[{"name": "v", "emptyDir": {}}],
        activeDeadlineSeconds=5,
        tolerations=[{"key": "a"}],
        initContainers=[
            {
                "name": "i",
                "image": "y:1",
                "env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "p"}}}],
                "resources": {"limits": {"cpu": "1"}},
                "ports": [{"containerPort": 1}],
                "volumeMounts": [{"name": "v", "mountPath": "/v"}],
                "livenessProbe": {"httpGet": {"port": 1}},
            }
        ],
    ),
    "configmaps": {"metadata": {"name": "x"}, "data": {"a": "1"}, "binaryData": {"b": "dg=="}},
    "secrets": {"metadata": {"name": "x"}, "data": {"a": "dg=="}, "stringData": {"b": "c"}, "type": "Opaque"},
    "services": {
        "metadata": {"name": "x"},
        "spec": {"ports": [{"port": 1, "name": "p"}], "type": "NodePort"},
    },
    "persistentvolumeclaims": {
        "metadata": {"name": "x"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    },
    "namespaces": {"metadata": {"name": "x", "labels": {"a": "b"}}, "spec": {"finalizers": ["kubernetes"]}},
    "events": {"metadata": {"name": "x"}, "involvedObject": {"namespace": "default"}, "reason": "r"},
    "jobs.batch": {
        "metadata": {"name": "x"},
        "spec": {"template": TEMPLATE, "selector": {"matchLabels": {}}},
    },
    "deployments.apps": {
        "metadata": {"name": "x", "finalizers": ["a.b/c"], "ownerReferences": [{"uid": "u", "kind": "K"}]},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"a": "b"}}, "template": TEMPLATE},
    },
    "workflows.argoproj.io": {
        "metadata": {"name": "x", "annotations": {"a": "b"}},
        "spec": {
            "entrypoint": "m",
            "templates": [{"name": "m", "steps": [[{"name": "a", "template": "m"}]]}],
        },
        "status": {"phase": "Running", "nodes": {"x-1": {"id": "x-1", "name": "x", "type": "Pod"}}},
    },
    DEFINITIONS: definition(
        subresources={"status": {}},
        additionalPrinterColumns=[{"name": "A", "type": "string", "jsonPath": ".spec"}],
    ),
}
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False),
    st.text(max_size=8),
    st.sampled_from(["", "..", "a/b", "\ud800", "x" * 300, "kubernetes", "merge", "Always", "1Gi", "9" * 40]),
)
KEYS = st.sampled_from(
    [
        "metadata",
        "spec",
        "status",
        "data",
        "name",
        "labels",
        "containers",
        "template",
        "$patch",
        "$retainKeys",
        "$setElementOrder/containers",
        "$deleteFromPrimitiveList/finalizers",
        "ports",
        "nodes",
        "managedFields",
        "op",
        "path",
        "value",
        "from",
        "resourceVersion",
        "uid",
        "finalizers",
        "volumes",
        "env",
        "versions",
        "names",
        "replicas",
        "kind",
        "apiVersion",
        "",
        "a",
    ]
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=8,
)
STEP = st.fixed_dictionaries(
    {
        "op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test", "what"]),
        "path": st.sampled_from(
            [
                "",
                "/",
                "/metadata",
                "/metadata/labels/a",
                "/spec",
                "/data/a",
                "/spec/ports/0",
                "a",
                "/spec/ports/-",
                "/spec/template/spec/containers/0/name",
                "/metadata/managedFields",
            ]
        ),
        "from": st.sampled_from(["", "/metadata", "/spec", "/data/a"]),
    },
    optional={"value": JSON},
)


@st.composite
def mutants(draw: st.DrawFn) -> tuple[str, Any]:
    """A good document with something else at one or two of its places."""
    key = draw(st.sampled_from(sorted(BODIES)))
    body: Any = copy.deepcopy(BODIES[key])
    for _ in range(draw(st.integers(1, 2))):
        place: Any = body
        while isinstance(place, (dict, list)) and place:
            step = draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
            if draw(st.booleans()) or not isinstance(place[step], (dict, list)):
                place[step] = draw(JSON)
                break
            place = place[step]
    return key, draw(st.sampled_from([body] * 9 + [draw(JSON)]))


class Bench:
    def __init__(self) -> None:
        self.runner = asyncio.Runner()
        self.store = SqliteStore.open(":memory:")
        self.catalogue = Catalogue.builtin()
        self.local = self.runner.run(self._open())

    async def _open(self) -> Local:
        local = Local.open(self.store, self.catalogue)
        namespaces = self.catalogue.key("namespaces")
        assert namespaces is not None
        await local.create(namespaces, {"metadata": {"name": "default"}})
        return local

    def tried(self, awaitable: Any) -> Any:
        try:
            return self.runner.run(awaitable)
        except StatusError as error:
            assert 400 <= error.code < 600
            assert error.code != 500
            assert error.status()["message"]
            return None

    def fresh(self, key: str) -> None:
        resource = self.catalogue.key(key)
        assert resource is not None
        place = "default" if resource.namespaced else ""
        self.tried(self.local.patch(resource, "x", place, {"metadata": {"finalizers": None}}, "merge"))
        self.tried(self.local.delete(resource, "x", place, DeleteOptions(grace_seconds=0)))
        self.tried(self.local.create(resource, BODIES[key], place, Options(field_manager="first")))

    def close(self) -> None:
        async def end() -> None:
            self.local.close()
            await self.store.close()

        self.runner.run(end())
        self.runner.close()


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    bench.close()


CALM = settings(
    max_examples=int(os.environ.get("EXAMPLES", "40")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


@CALM
@given(mutants(), st.sampled_from(["Strict", "Warn", "Ignore"]), st.sampled_from(["", "status"]))
def test_bodies(bench: Bench, mutant: tuple[str, Any], validation: str, subresource: str) -> None:
    key, body = mutant
    bench.fresh(key)
    resource = bench.catalogue.key(key)
    assert resource is not None
    place = "default" if resource.namespaced else ""
    bench.tried(bench.local.create(resource, body, place, Options(field_validation=validation)))
    bench.tried(bench.local.update(resource, body, place, Options(subresource=subresource)))
    for options in (Options(field_manager="m", force=True), Options(field_manager="n")):
        bench.tried(bench.local.apply(resource, "x", place, body, options))


@CALM
@given(
    st.sampled_from(sorted(BODIES)),
    mutants(),
    JSON,
    st.lists(STEP, max_size=3),
    st.sampled_from(["", "status", "scale"]),
)
def test_patches(
    bench: Bench, key: str, mutant: tuple[str, Any], wild: Any, steps: list[Any], subresource: str
) -> None:
    bench.fresh(key)
    resource = bench.catalogue.key(key)
    assert resource is not None
    place = "default" if resource.namespaced else ""
    options = Options(subresource=subresource)
    for kind, patch in (
        ("merge", wild),
        ("merge", mutant[1]),
        ("strategic", wild),
        ("strategic", mutant[1]),
        ("json", steps),
        ("json", wild),
        ("what", wild),
    ):
        bench.tried(bench.local.patch(resource, "x", place, patch, kind, options))


@CALM
@given(st.text(max_size=20), st.text(max_size=20), st.text(max_size=20), st.text(max_size=20))
def test_selections(bench: Bench, labels: str, fields: str, token: str, revision: str) -> None:
    pods = bench.catalogue.key("pods")
    assert pods is not None
    for selection in (
        Selection(labels=labels),
        Selection(fields=fields),
        Selection(continue_=token),
        Selection(resource_version=revision),
        Selection(labels=f"a in ({labels})"),
    ):
        bench.tried(bench.local.list(pods, "default", selection))
