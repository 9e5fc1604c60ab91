"""What `pinnace gc` takes and what it leaves: a store and a data folder, without any process."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from pinnace.cli.care import du
from pinnace.cli.garbage import Collected, collect
from pinnace.data.blobs import Blobs
from pinnace.home import Home
from pinnace.kinds.resource import Obj
from pinnace.store.interface import Put, Row
from pinnace.store.sqlite import SqliteStore

pytestmark = pytest.mark.anyio


class Place:
    """A home with a store, where content can be made old."""

    def __init__(self, root: Path) -> None:
        self.home = Home.at(root).prepare()
        self.store = SqliteStore.open(self.home.database)
        self.blobs = Blobs(self.home.data)

    async def put(self, resource: str, name: str, **fields: Any) -> Obj:
        meta = {"name": name, "namespace": "default", "uid": f"uid-{name}"}
        [made] = await self.store.commit([Put(resource, {"metadata": meta, **fields})])
        return made

    async def artifact(self, key: str, text: bytes, *, own: bool = True) -> str:
        stored = self.blobs.put_bytes(text)
        body = {"digest": stored.digest, "size": stored.size, **({"own": True} if own else {})}
        await self.store.commit([Row("artifact", "default", key, json.dumps(body).encode())])
        return stored.digest

    def age(self) -> None:
        past = time.time() - 7200
        for file in self.home.data.glob("*/??/*"):
            os.utime(file, (past, past))

    async def gc(self) -> Collected:
        self.age()
        return await collect(self.home, self.store)


@pytest.fixture
async def place(tmp_path: Path) -> Any:
    made = Place(tmp_path / "home")
    yield made
    await made.store.close()


async def test_content_goes_with_the_last_one_who_mentions_it(place: Place) -> None:
    await place.put("workflows.argoproj.io", "alive", spec={})
    kept = await place.artifact("alive/pod/model", b"kept")
    lost = await place.artifact("dead/pod/model", b"lost")
    done = await place.gc()
    assert (done.artifacts, done.files) == (1, 1)
    assert place.blobs.exists(kept) and not place.blobs.exists(lost)
    assert place.store.row("artifact", "default", "dead/pod/model") is None


async def test_a_cached_result_and_an_endpoint_keep_what_a_deleted_workflow_left(place: Place) -> None:
    cached = await place.artifact("dead/a/data", b"cached")
    served = await place.artifact("dead/b/model", b"served")
    outputs = {"outputs": {"artifacts": [{"name": "data", "s3": {"key": "dead/a/data"}}]}}
    entry = json.dumps(outputs, separators=(",", ":")).encode()
    await place.store.commit([Row("memo", "default", "k", entry)])
    spec = {"predictor": {"model": {"storageUri": "s3://artifacts/dead/b/model"}}}
    await place.put("inferenceservices.serving.kserve.io", "m", spec=spec)
    done = await place.gc()
    assert (done.artifacts, done.files) == (0, 0)
    assert place.blobs.exists(cached) and place.blobs.exists(served)


async def test_a_key_that_a_manifest_chose_stays_as_in_an_object_store(place: Place) -> None:
    digest = await place.artifact("models/best", b"model", own=False)
    assert (await place.gc()).files == 0
    assert place.blobs.exists(digest)


async def test_inputs_of_a_bound_pod_stay(place: Place) -> None:
    digest = place.blobs.put_bytes(b"input").digest
    await place.store.commit([Row("binding", "uid-pod", "", b"\x91\xd9\x40" + digest.encode())])
    await place.gc()
    assert place.blobs.exists(digest)


async def test_folders_without_a_pod_go_and_their_bytes_are_told(place: Place) -> None:
    await place.put("pods", "here", spec={})
    for uid in ("uid-here", "uid-gone", "uid-bound", ".roots"):
        folder = place.home.pods / uid
        folder.mkdir()
        (folder / "main.log").write_bytes(b"x" * 5000)
    (place.home.pods / "uid-gone").chmod(0o500)
    await place.store.commit([Row("binding", "uid-bound", "", b"")])
    done = await place.gc()
    assert done.pods == 1 and done.pod_bytes >= 5000
    left = {path.name for path in place.home.pods.iterdir()}
    assert left == {"uid-here", "uid-bound", ".roots"}
    assert "removed 1 folders" in done.text()


async def test_what_was_just_put_is_not_taken(place: Place) -> None:
    fresh = place.blobs.put_bytes(b"fresh").digest
    await collect(place.home, place.store)
    assert place.blobs.exists(fresh)


def claimed(place: Place, name: str, uid: str) -> Path:
    folder = place.home.volumes / "default" / name
    folder.mkdir(parents=True)
    (folder / "data").write_bytes(b"x" * 50_000)
    folder.with_name(f".{name}.uid").write_text(uid)
    return folder


async def test_data_goes_with_its_claim_and_with_whom_a_new_one_has_replaced(place: Place) -> None:
    await place.put("persistentvolumeclaims", "kept", spec={})
    kept, lost = claimed(place, "kept", "uid-kept"), claimed(place, "lost", "uid-lost")
    aside = claimed(place, "old", "uid-old").rename(kept.with_name(".kept.deleted-uid-before"))
    mine = place.home.volumes / "default" / "put-here-by-hand"
    mine.mkdir()
    done = await place.gc()
    assert kept.exists() and mine.exists() and not lost.exists() and not aside.exists()
    assert not lost.with_name(".lost.uid").exists()
    assert "default/kept (uid-before)" in done.text() and "default/lost (uid-lost)" in done.text()
    assert done.claim_bytes >= 100_000
    assert (await place.gc()).claims == []


async def test_data_stays_while_a_pod_has_it_mounted(place: Place) -> None:
    folder = claimed(place, "data", "uid-data")
    spec = {"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]}
    await place.put("pods", "user", spec=spec, status={"phase": "Running"})
    assert (await place.gc()).claims == [] and folder.exists()
    await place.put("pods", "user", spec=spec, status={"phase": "Succeeded"})
    assert [each.claim for each in (await place.gc()).claims] == ["data"] and not folder.exists()


async def test_du_tells_what_gc_would_free(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    claimed(place, "lost", "uid-lost")
    du(place.home)
    assert "in volumes whose claims are gone: `pinnace gc` frees them" in capsys.readouterr().out
    await place.gc()
    du(place.home)
    assert "claims are gone" not in capsys.readouterr().out
