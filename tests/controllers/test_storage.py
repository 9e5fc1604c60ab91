"""Claims and volumes find each other as on a cluster; every one of them is a folder of this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pinnace.controllers.built_in import CLAIM, STORAGE_CLASS, VOLUME
from pinnace.controllers.core.claims import Claims, bootstrap
from pinnace.controllers.pods.found import Blocked, Found, Reference
from pinnace.controllers.pods.schedule import Machine
from pinnace.controllers.pods.volumes import Volumes
from tests.controllers.house import House, house

pytestmark = pytest.mark.anyio


def controllers(made: House) -> list[Any]:
    return [Claims(made.client, made.home.volumes)]


def claim(name: str, size: str = "1Gi", **spec: Any) -> dict[str, Any]:
    requests = {"requests": {"storage": size}}
    return {"metadata": {"name": name},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": requests, **spec}}


def volume(name: str, size: str, **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {
        "capacity": {"storage": size}, "accessModes": ["ReadWriteOnce"], "storageClassName": "manual",
        "hostPath": {"path": f"/mnt/{name}"}, **spec,
    }}


def phase(wanted: str) -> Any:
    return lambda obj: (obj.get("status") or {}).get("phase") == wanted


async def test_a_claim_without_a_class_gets_a_new_volume_that_goes_with_it(tmp_path: Path) -> None:
    async with house(tmp_path, None, controllers) as platform:
        await bootstrap(platform.client)
        await platform.create(CLAIM, claim("data"))
        done = await platform.until(CLAIM, "data", phase("Bound"))
        made = platform.store.get(VOLUME.key, "", f"pvc-{done['metadata']['uid']}")
        assert made is not None
        assert made["spec"]["claimRef"]["name"] == "data"
        assert made["spec"]["hostPath"]["path"] == str(platform.home.volumes / "default" / "data")
        assert done["spec"]["storageClassName"] == "standard"
        assert (await platform.get(STORAGE_CLASS, "standard", ""))["provisioner"] == "pinnace.dev/local"
        larger = {"spec": {"resources": {"requests": {"storage": "2Gi"}}}}
        await platform.client.patch(CLAIM, "data", "default", larger, "merge")
        await platform.until(CLAIM, "data", lambda c: c["status"]["capacity"]["storage"] == "2Gi")
        await platform.client.delete(CLAIM, "data", "default")
        await platform.gone(VOLUME, made["metadata"]["name"], "")


async def test_volumes_made_by_hand_are_taken_the_smallest_first_and_released(tmp_path: Path) -> None:
    async with house(tmp_path, None, controllers) as platform:
        await platform.create(CLAIM, claim("waits", storageClassName=""))
        for name, size in (("small", "1Gi"), ("large", "9Gi"), ("middle", "5Gi")):
            await platform.create(VOLUME, volume(name, size), "")
            await platform.until(VOLUME, name, phase("Available"), namespace="")
        await platform.create(CLAIM, claim("mine", "2Gi", storageClassName="manual"))
        done = await platform.until(CLAIM, "mine", phase("Bound"))
        assert done["spec"]["volumeName"] == "middle"
        assert done["status"]["capacity"] == {"storage": "5Gi"}
        await platform.until(VOLUME, "middle", phase("Bound"), namespace="")

        pod = {"metadata": {}, "spec": {"volumes": [
            {"name": "v", "persistentVolumeClaim": {"claimName": "mine"}}
        ]}}
        found = Found("default", {Reference(CLAIM.key, "mine"): done})
        mount = Volumes(pod, found, platform.home, Machine(1, 1), ()).mounts(
            {"volumeMounts": [{"name": "v", "mountPath": "/data"}]}, {}
        )[0]
        assert Path(mount.source).is_dir()
        assert Path(mount.source).parent == (platform.home.volumes / ".host").resolve()

        await platform.client.delete(CLAIM, "mine", "default")
        await platform.until(VOLUME, "middle", phase("Released"), namespace="")
        assert (await platform.get(CLAIM, "waits"))["status"]["phase"] == "Pending"


def test_a_claim_that_names_a_volume_and_has_none_starts_no_pod(tmp_path: Path) -> None:
    pod = {"metadata": {}, "spec": {"volumes": [
        {"name": "v", "persistentVolumeClaim": {"claimName": "mine"}}
    ]}}
    from pinnace.home import Home

    stored = {"metadata": {"name": "mine", "namespace": "default", "uid": "u"},
              "spec": {"volumeName": "somebody's"}, "status": {"phase": "Pending"}}
    found = Found("default", {Reference(CLAIM.key, "mine"): stored})
    with pytest.raises(Blocked, match="unbound immediate"):
        Volumes(pod, found, Home.at(tmp_path), Machine(1, 1), ())


async def test_a_claim_waits_for_the_volume_it_names(tmp_path: Path) -> None:
    async with house(tmp_path, None, controllers) as platform:
        await platform.create(CLAIM, claim("picky", storageClassName="manual", volumeName="that"))
        await platform.create(VOLUME, volume("other", "5Gi"), "")
        await platform.until(VOLUME, "other", phase("Available"), namespace="")
        await platform.create(VOLUME, volume("that", "5Gi"), "")
        done = await platform.until(CLAIM, "picky", phase("Bound"))
    assert done["spec"]["volumeName"] == "that"
