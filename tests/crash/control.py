"""A control process without its API: store, objects, manager and the controllers under test.

`python -m tests.crash.control --home H --work W --summary S`: creates what W lists unless it is there, lives
until nothing of it is under way, writes S and ends with 0. Killed and started again it goes on. Another
family is one more line in `reconcilers` and one more kind in `settled`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import uvloop

from pinnace.controllers.built_in import CLAIM, JOB, NAMESPACE, POD
from pinnace.controllers.controller import Reconciler
from pinnace.controllers.core.garbage import Garbage
from pinnace.controllers.core.jobs import Jobs, condition
from pinnace.controllers.manager import Manager
from pinnace.controllers.pods.controller import Pods
from pinnace.controllers.workflow.controller import Workflows
from pinnace.home import Home
from pinnace.kinds.argo import WORKFLOW
from pinnace.kinds.catalogue import Catalogue
from pinnace.objects.local import Local
from pinnace.store.sqlite import SqliteStore

KINDS = {"Pod": POD, "Job": JOB, "Workflow": WORKFLOW, "PersistentVolumeClaim": CLAIM}
OVER = ("Succeeded", "Failed", "Error")
PAUSE = 0.01


def reconcilers(home: Home, store: SqliteStore, client: Local, catalogue: Catalogue) -> list[Reconciler]:
    return [
        Pods(client, store, home),
        Jobs(client, first_delay=0.05),
        Garbage(client, catalogue),
        Workflows(client, store, catalogue),
    ]


async def main(home: Home, work: list[dict[str, Any]]) -> dict[str, Any]:
    store = SqliteStore.open(home.database)
    catalogue = Catalogue.builtin()
    client = Local.open(store, catalogue)
    manager = Manager(client, reconcilers(home, store, client, catalogue))
    managing = asyncio.create_task(manager.run())
    await manager.synced.wait()
    for obj in work:
        await ensure(client, obj)
    changed = asyncio.Event()
    store.listen(lambda events: changed.set())
    while not settled(store):
        changed.clear()
        with suppress(TimeoutError):  # rows change without an event
            await asyncio.wait_for(changed.wait(), PAUSE)
    manager.stop()
    await managing
    result = told(store, client)
    await store.close()
    return result


async def ensure(client: Local, obj: dict[str, Any]) -> None:
    if client.peek(NAMESPACE, "default") is None:
        await client.create(NAMESPACE, {"metadata": {"name": "default"}})
    resource = KINDS[obj["kind"]]
    if client.peek(resource, obj["metadata"]["name"], "default") is None:
        await client.create(resource, obj, "default")


def settled(store: SqliteStore) -> bool:
    """Every pod is over and acknowledged, every Job has its end."""
    pods, jobs = store.list("pods").items, store.list("jobs.batch").items
    workflows = store.list(WORKFLOW.key).items
    return (
        not store.rows("binding")
        and all(pod["status"].get("phase") in ("Succeeded", "Failed") for pod in pods)
        and all(condition(job, "Complete") or condition(job, "Failed") for job in jobs)
        and all((each.get("status") or {}).get("phase") in OVER for each in workflows)
    )


def told(store: SqliteStore, client: Local) -> dict[str, Any]:
    return {
        "pods": {
            pod["metadata"]["uid"]: {
                "name": pod["metadata"]["name"],
                "phase": pod["status"]["phase"],
                "reason": pod["status"].get("reason", ""),
                "bound": "nodeName" in pod["spec"],
            }
            for pod in store.list("pods").items
        },
        "workflows": {
            each["metadata"]["name"]: each["status"]["phase"] for each in store.list(WORKFLOW.key).items
        },
        "trees": {each["metadata"]["name"]: tree(client, each) for each in store.list(WORKFLOW.key).items},
        "jobs": {job["metadata"]["name"]: job["status"] for job in store.list("jobs.batch").items},
    }


def tree(client: Local, workflow: dict[str, Any]) -> dict[str, list[str]]:
    """Node name → type, phase and children's names: what the run came to, whatever it cost to get there."""
    nodes = client.house.view(WORKFLOW, workflow)["status"]["nodes"]
    return {
        node["name"]: [
            node["type"], node["phase"], *sorted(nodes[child]["name"] for child in node.get("children") or ())
        ]
        for node in nodes.values()
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for name in ("--home", "--work", "--summary"):
        parser.add_argument(name, required=True)
    logging.basicConfig(level="WARNING", stream=sys.stderr)
    options = parser.parse_args()
    work = json.loads(Path(options.work).read_text())
    summary = uvloop.run(main(Home.at(options.home).prepare(), work))
    Path(options.summary).write_text(json.dumps(summary))
