"""What JupyterHub does with its KubeSpawner for one user: start, show progress, poll, stop, start again.

Run by `test_kubespawner.py` with the Python that has `jupyterhub-kubespawner`; the last line says what was
seen. The user is a stand-in, as in the spawner's own tests; spawner, reflectors and client are real.
"""

from __future__ import annotations

import asyncio
import json
import sys
from types import SimpleNamespace
from typing import Any

from jupyterhub.objects import Hub, Server
from kubespawner import KubeSpawner
from traitlets.config import Config

SERVER = ["python", "-u", "-c", "import os, http.server as h; print(os.environ['JUPYTERHUB_USER']); "
          "open('/srv/home/visits', 'a').write('x'); h.test(h.SimpleHTTPRequestHandler, port=8888)"]
HOME = {"name": "home", "persistentVolumeClaim": {"claimName": "{pvc_name}"}}


class User(SimpleNamespace):
    """What a spawner asks of `jupyterhub.user.User`."""

    name = escaped_name = "ada"
    id, settings, server = 1, {}, Server()
    url = server.base_url


def settings(namespace: str) -> Config:
    config = Config()
    config.KubeSpawner.update({
        "namespace": namespace, "image": "python:3.11", "cmd": SERVER, "events_enabled": True,
        "services_enabled": True, "start_timeout": 240, "delete_grace_period": 1,
        "storage_pvc_ensure": True, "storage_capacity": "10Mi", "volumes": [HOME],
        "volume_mounts": [{"name": "home", "mountPath": "/srv/home"}],
    })
    return config


async def watched(spawner: KubeSpawner) -> list[str]:
    """The events that a user sees below the hub's progress bar."""
    return [event["raw_event"]["reason"] async for event in spawner.progress()]


async def visit(spawner: KubeSpawner) -> dict[str, Any]:
    """One stay of the user: a pod from start to end."""
    started = spawner.start()
    progress = asyncio.create_task(watched(spawner))
    url = await started
    reference = f"{spawner.namespace}/{spawner.pod_name}"
    pod = spawner.pod_reflector.pods[reference]
    events = await told(spawner, pod["metadata"]["uid"], "Started")
    seen = {
        "url": url, "phase": pod["status"]["phase"], "ip": pod["status"]["podIP"],
        "running": await spawner.poll() is None, "progress": await progress, "log": await logged(spawner),
        "reasons": [event["reason"] for event in events], "types": [event["type"] for event in events],
    }
    await spawner.stop()
    ended = await spawner.poll()
    gone = reference not in spawner.pod_reflector.pods
    return {**seen, "uid": pod["metadata"]["uid"], "gone": gone, "ended": ended}


async def told(spawner: KubeSpawner, uid: str, reason: str) -> list[dict[str, Any]]:
    """The events of one pod as the spawner's own watch has them, once one of them has the reason."""
    while True:
        events = [one for one in spawner.events if one["involvedObject"]["uid"] == uid]
        if any(one["reason"] == reason for one in events):
            return events
        await asyncio.sleep(0.05)


async def logged(spawner: KubeSpawner) -> str:
    while not (text := await spawner.api.read_namespaced_pod_log(spawner.pod_name, spawner.namespace)):
        await asyncio.sleep(0.05)
    return str(text)


async def main(namespace: str) -> None:
    made = {"hub": Hub(), "user": User(), "api_token": "secret", "oauth_client_id": "unused"}
    spawner = KubeSpawner(config=settings(namespace), **made)
    visits = [await visit(spawner), await visit(spawner)]
    state = spawner.get_state()
    last = await told(spawner, visits[-1]["uid"], "Killing")
    after = [word for event in last for word in (event["reason"], event["type"])]
    await spawner.delete_forever()
    await KubeSpawner._stop_all_reflectors()
    print(json.dumps({"visits": visits, "after": after, "state": state}))


asyncio.run(main(sys.argv[1]))
