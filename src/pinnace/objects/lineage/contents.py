"""What lies under an address, by digest: the artifact repository's keys and MLflow's uploads.

Callers: the registry's faces when a model is registered, `walking`. An address of somebody else's store has
no digest here, and says so by having none.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from pinnace.objects.lineage import execution
from pinnace.objects.lineage.keeping import Keeper
from pinnace.objects.registry import files
from pinnace.objects.registry.files import Files
from pinnace.objects.registry.records import Record
from pinnace.store.interface import Row, Store

ARTIFACT = "artifact"
BUCKET = "s3://artifacts/"
GENERAL = "python_function"
"""MLflow's flavor of every model, which says nothing of its framework."""


class Contents:
    def __init__(self, store: Store, found: Files, keeper: Keeper) -> None:
        self.store = store
        self.files = found
        self.keeper = keeper

    def known(self, uri: str, namespace: str = "") -> Record:
        """`{digest}` of an address that the artifact repository has; {} of any other."""
        found = self.artifact(uri, namespace)
        return {"digest": found["digest"]} if found else {}

    def artifact(self, uri: str, namespace: str = "") -> Record | None:
        """`digest`, `size` and `directory` of `s3://artifacts/<key>`; of no namespace: of the first that has
        it."""
        if not uri.startswith(BUCKET):
            return None
        key = uri.removeprefix(BUCKET).strip("/")
        names = [namespace] if namespace else [
            one["metadata"]["name"] for one in self.store.list("namespaces").items
        ]
        for name in names:
            for spelled in (key, f"{key}/"):
                if (body := self.store.row(ARTIFACT, name, spelled)) is not None:
                    found: Record = msgspec.json.decode(body)
                    return found
        return None

    async def about(self, uri: str) -> Record:
        """`digest`, and for a model of MLflow's its format and framework."""
        path = files.path_of(uri)
        if not path:
            return self.known(uri)
        stored = await self.files.folder(path)
        if stored is None:
            return {}
        return {"digest": stored.digest, **self._framework(path)}

    def _framework(self, path: str) -> Record:
        entry = self.files.get(f"{path}/MLmodel")
        if entry is None or entry.size > 1 << 20:
            return {}
        with self.files.blobs.open(entry.digest) as content:
            return framework(content.read())

    def logging(self, pod: str) -> list[Row]:
        """Rows of the commit by which a pod ('': nobody's) says something of itself."""
        return self.keeper.logging(pod) if pod else []

    def left(self, digest: str, name: str, pod: str) -> list[Row]:
        """Rows that say which pod left that content."""
        return [execution.uses(digest, "", pod, "out", name)] if pod and digest else []


def framework(text: bytes) -> Record:
    """Format and version from a file `MLmodel`: of the first flavor that is a framework's."""
    import yaml

    try:
        document: Any = yaml.safe_load(text)
        flavors = document["flavors"]
        names = sorted(flavors, key=lambda one: one == GENERAL)
        about = flavors[names[0]]
    except (yaml.YAMLError, KeyError, TypeError, IndexError):
        return {}
    version = next((str(v) for k, v in about.items() if re.fullmatch(r"\w+_version", str(k))), "")
    return {"modelFormatName": str(names[0]), **({"modelFormatVersion": version} if version else {})}
