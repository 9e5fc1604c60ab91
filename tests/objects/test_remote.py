"""The same verbs over HTTP, against our own API server: what `Local` answers, `Remote` answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import yaml

from pinnace.kinds.catalogue import Catalogue
from pinnace.kinds.resource import Resource
from pinnace.objects import kubeconfig
from pinnace.objects.client import DeleteOptions, Options, Selection
from pinnace.objects.errors import StatusError
from pinnace.objects.remote import Remote, path
from tests.api.conftest import Stack
from tests.objects.test_writing import refused

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    made = Stack(tmp_path_factory.mktemp("home"))
    yield made
    made.close()


@pytest.fixture
async def remote(platform: Stack, anyio_backend: str) -> AsyncIterator[Remote]:
    remote = Remote(platform.home.kubeconfig)
    yield remote
    await remote.close()


def kind(key: str) -> Resource:
    found = Catalogue.builtin().key(key)
    assert found is not None
    return found


async def test_an_object_lives_and_goes(remote: Remote) -> None:
    maps = kind("configmaps")
    made = await remote.create(
        maps, {"metadata": {"name": "a", "labels": {"x": "y"}}, "data": {"k": "1"}}, "default"
    )
    assert made["metadata"]["uid"]
    patched = await remote.patch(maps, "a", "default", {"data": {"k": "2"}}, "merge")
    changed = await remote.update(maps, {**patched, "data": {"k": "3"}}, "default")
    assert (await remote.get(maps, "a", "default"))["data"] == changed["data"] == {"k": "3"}
    page = await remote.list(maps, "default", Selection(labels="x=y"))
    assert [one["metadata"]["name"] for one in page.items] == ["a"]
    error = await refused(remote.update(maps, made, "default"))
    assert (error.code, error.reason) == (409, "Conflict")
    await remote.delete(maps, "a", "default", DeleteOptions(uid=made["metadata"]["uid"]))
    error = await refused(remote.get(maps, "a", "default"))
    assert (error.code, error.message) == (404, 'configmaps "a" not found')


async def test_refusals_keep_their_causes_and_warnings_arrive(remote: Remote) -> None:
    maps = kind("configmaps")
    config = {"metadata": {"name": "s"}, "data": {"a": "1"}}
    await remote.apply(maps, "s", "default", config, Options(field_manager="one"))
    other = {"metadata": {"name": "s"}, "data": {"a": "2"}}
    error = await refused(remote.apply(maps, "s", "default", other, Options(field_manager="two")))
    assert [(cause.field, cause.reason) for cause in error.causes] == [(".data.a", "FieldManagerConflict")]
    options = Options(field_validation="Warn", dry_run=True)
    await remote.create(maps, {"metadata": {"name": "w"}, "bogus": 1}, "default", options)
    assert options.warnings == ['unknown field "bogus"']


async def test_a_watch_goes_on(remote: Remote) -> None:
    secrets = kind("secrets")
    await remote.create(secrets, {"metadata": {"name": "first"}}, "default")
    seen = []

    async def follow() -> None:
        async for event in remote.watch(secrets, "default", Selection()):
            seen.append((event.type, event.obj["metadata"]["name"]))
            if len(seen) == 1:
                await remote.create(secrets, {"metadata": {"name": "second"}}, "default")
            if len(seen) == 2:
                return

    async with asyncio.timeout(10):
        await follow()
    assert seen == [("ADDED", "first"), ("ADDED", "second")]


async def test_a_server_that_is_away_is_a_503(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text(yaml.safe_dump(document("http://127.0.0.1:1")))
    remote = Remote(file)
    with pytest.raises(StatusError) as caught:
        await remote.get(kind("pods"), "p", "default")
    assert caught.value.code == 503
    await remote.close()


def document(server: str, **user: str) -> dict[str, object]:
    return {
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u", "namespace": "team"}}],
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": user}],
    }


async def test_a_kubeconfig_says_who_and_where(tmp_path: Path) -> None:
    file = tmp_path / "config"
    (tmp_path / "token").write_text("t0ken\n")
    file.write_text(yaml.safe_dump(document("http://h", tokenFile="token")))
    access = kubeconfig.read(file)
    assert (access.server, access.namespace, access.headers) == (
        "http://h",
        "team",
        {"Authorization": "Bearer t0ken"},
    )
    with pytest.raises(ValueError, match="contexts has no entry 'there'"):
        kubeconfig.read(file, "there")
    wrong = document("https://h")
    wrong["clusters"] = [{"name": "c", "cluster": {"server": "https://h", "certificate-authority-data": "%"}}]
    file.write_text(yaml.safe_dump(wrong))
    with pytest.raises(ValueError, match="no base64"):
        kubeconfig.read(file)


async def test_paths_are_kubernetes(remote: Remote) -> None:
    assert path(kind("pods"), "n", "p", "status") == "/api/v1/namespaces/n/pods/p/status"
    assert path(kind("jobs.batch"), "") == "/apis/batch/v1/jobs"
    assert path(kind("namespaces"), "", "n") == "/api/v1/namespaces/n"
