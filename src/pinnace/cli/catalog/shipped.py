"""The shipped components (`catalog/`), made once a release, after the platform is ready.

Callers: `cli/families/waking` through `ship`, `pinnace catalog` through `components`. What somebody changed
stays as it is: an object is replaced only while it is what an earlier release wrote.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from pathlib import Path

import msgspec

from pinnace.cli.platform import Failure
from pinnace.kinds.argo import CLUSTER_WORKFLOW_TEMPLATE
from pinnace.kinds.resource import Obj
from pinnace.objects.client import Change
from pinnace.objects.local import Local

NAME = "catalog"
LABEL = "pinnace.dev/catalog"
EDITION = "pinnace.dev/catalog-edition"
"""Annotation: the digest of what was written. It no longer fits what somebody edited."""
AT_ONCE = 4
"""Documents a commit: judging one takes the loop about a millisecond."""


def folder() -> Path:
    """In the wheel it lies in the package, in a checkout beside `src`. Raises Failure if there is none."""
    package = Path(__file__).resolve().parents[2]
    for candidate in (package / NAME, package.parents[1] / NAME):
        if (candidate / "data-digits.yaml").is_file():
            return candidate
    raise Failure("the catalogue is missing from this installation: reinstall pinnace")


def components() -> list[Obj]:
    """Every shipped ClusterWorkflowTemplate, by name."""
    import yaml  # thirty documents: 40 ms, which nobody waits for

    files = sorted(folder().glob("*.yaml"))
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return [marked(one) for file in files for one in yaml.load_all(file.read_bytes(), loader)]


def marked(component: Obj) -> Obj:
    """With its edition in it."""
    meta = component["metadata"]
    return {
        **component,
        "metadata": {**meta, "annotations": {**meta["annotations"], EDITION: edition(component)}},
    }


def edition(component: Obj) -> str:
    """Of what people see: the spec, and the annotations and labels beside it."""
    meta = component["metadata"]
    notes = {key: text for key, text in (meta.get("annotations") or {}).items() if key != EDITION}
    seen = [component.get("spec"), notes, meta.get("labels")]
    return hashlib.blake2s(json.dumps(seen, sort_keys=True).encode(), digest_size=8).hexdigest()


def untouched(found: Obj) -> bool:
    """Whether it still is what a release wrote."""
    return (found["metadata"].get("annotations") or {}).get(EDITION) == edition(found)


async def ship(client: Local) -> None:
    """Those that are missing, and a newer edition of those that nobody has changed."""
    wanted = await asyncio.to_thread(components)
    there = {one["metadata"]["name"]: one for one in client.peek_list(CLUSTER_WORKFLOW_TEMPLATE).items}
    changes = [
        change for one in wanted if (change := _change(one, there.get(one["metadata"]["name"]))) is not None
    ]
    for start in range(0, len(changes), AT_ONCE):
        await client.transact(changes[start : start + AT_ONCE])
        await asyncio.sleep(0)


def _change(wanted: Obj, found: Obj | None) -> Change | None:
    if found is None:
        return Change(verb="create", resource=CLUSTER_WORKFLOW_TEMPLATE, obj=wanted)
    mine = found["metadata"].get("annotations") or {}
    if not untouched(found) or mine.get(EDITION) == wanted["metadata"]["annotations"][EDITION]:
        return None
    version = found["metadata"]["resourceVersion"]
    fresh = {**wanted, "metadata": {**wanted["metadata"], "resourceVersion": version}}
    return Change(verb="update", resource=CLUSTER_WORKFLOW_TEMPLATE, obj=fresh)


class Entry(msgspec.Struct, frozen=True):
    """A component on a line."""

    name: str
    group: str
    title: str
    description: str


def entry(component: Obj) -> Entry:
    meta = component["metadata"]
    notes = meta.get("annotations") or {}
    return Entry(
        meta["name"], notes.get("pinnace.dev/group", ""),
        notes.get("workflows.argoproj.io/title", meta["name"]),
        notes.get("workflows.argoproj.io/description", ""),
    )
