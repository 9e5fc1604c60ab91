"""`pinnace gc`: what no object refers to any more is removed, and how much that was is told.

`families.routes` calls `collect` for `POST /pinnace/v1/gc`. It marks by reading: a digest or an artifact's
key is alive as long as any living object or row mentions it, so that a new kind needs no entry here. Reads
and removals happen on a thread of their own with a connection of their own. Invariant: folders are listed
before the objects are read, so that what was made meanwhile is no garbage; content is kept an hour.
"""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec

from pinnace.cli.claims import Leftover, free, leftovers
from pinnace.cli.disk import on_disk, remove, size_text
from pinnace.data.blobs import Blobs
from pinnace.home import Home
from pinnace.store.interface import Row, Store

DIGEST = re.compile(rb"[0-9a-f]{64}")
KEY = re.compile(rb'"(?:key|storageUri|uri|source|place)":"((?:[^"\\]|\\.)*)"')
BUCKET = re.compile(r"^s3://[^/]+/")
RECORDS = (
    "lineage", "lineage-uses", "lineage-node", "lineage-object", "lineage-code", "lineage-source",
    "lineage-name", "lineage-child", "archive",
)
"""Rows that tell what was; they keep nothing alive. What is registered does, and so do the lists of what an
environment had installed (`lineage-image`)."""
WORKFLOWS, PODS = "workflows.argoproj.io", "pods"


class Collected(msgspec.Struct, frozen=True):
    pods: int
    pod_bytes: int
    artifacts: int
    files: int
    file_bytes: int
    claims: list[Leftover]
    claim_bytes: int

    def text(self) -> str:
        return (
            f"removed {self.pods} folders of pods that are gone ({size_text(self.pod_bytes)}), "
            f"{self.artifacts} artifacts of workflows that are gone, and "
            f"{self.files} files that nothing refers to ({size_text(self.file_bytes)}); "
            "what is younger than an hour stays"
            f"{self.claims_text()}"
        )

    def claims_text(self) -> str:
        if not self.claims:
            return ""
        names = "".join(f"\n  {each}" for each in self.claims)
        return f"\nremoved the data of claims that are gone ({size_text(self.claim_bytes)}):{names}"


async def collect(home: Home, store: Store) -> Collected:
    await store.settled()
    dead = await asyncio.to_thread(forgotten, home)
    await store.commit([Row("artifact", namespace, key, None) for namespace, key in dead])
    folders = await asyncio.to_thread(pods, home)
    await store.settled()  # a pod whose folder is there is known by now
    return await asyncio.to_thread(sweep, home, folders, len(dead))


def forgotten(home: Home) -> list[tuple[str, str]]:
    """(namespace, key) of artifacts under keys of our own choice whose workflow is gone and that nobody
    mentions. A key that a manifest chose stays, as in an object store."""
    with closing(reading(home)) as connection:
        query = "SELECT namespace, name FROM objects WHERE resource=?"
        workflows = set(connection.execute(query, (WORKFLOWS,)))
        rows = connection.execute("SELECT owner, key, body FROM rows WHERE kind='artifact'").fetchall()
        orphans = [
            (namespace, key) for namespace, key, body in rows
            if msgspec.json.decode(body).get("own") and (namespace, key.partition("/")[0]) not in workflows
        ]
        if not orphans:
            return []
        named = {name for body in living(connection, RECORDS) for name in keys(body)}
    return [(namespace, key) for namespace, key in orphans if key not in named]


def keys(body: bytes) -> Iterator[str]:
    """Every artifact key in a document: of an S3 location, and the end of a storageUri."""
    for found in KEY.findall(body):
        text = str(msgspec.json.decode(b'"' + found + b'"'))
        yield BUCKET.sub("", text).strip("/")


def pods(home: Home) -> list[Path]:
    return [path for path in home.pods.iterdir() if not path.name.startswith(".")]


def sweep(home: Home, folders: list[Path], artifacts: int) -> Collected:
    with closing(reading(home)) as connection:
        query = "SELECT uid FROM objects WHERE resource=? UNION SELECT owner FROM rows WHERE kind='binding'"
        present = {uid for (uid,) in connection.execute(query, (PODS,))}
        live = {d.decode() for body in living(connection, RECORDS) for d in DIGEST.findall(body)}
        claims = leftovers(home.volumes, connection)
    gone = [path for path in folders if path.name not in present]
    freed = 0
    for path in gone:
        freed += sum(on_disk(path))
        remove(path)
    usage = Blobs(home.data).gc(live)
    return Collected(len(gone), freed, artifacts, usage.files, usage.bytes, claims, free(claims))


def reading(home: Home) -> sqlite3.Connection:
    return sqlite3.connect(f"{home.database.as_uri()}?mode=ro", uri=True)


def living(connection: sqlite3.Connection, without: tuple[str, ...]) -> Iterator[bytes]:
    """The bodies of all objects and rows; node rows only of workflows that are there."""
    for (body,) in connection.execute("SELECT l.body FROM objects o JOIN log l ON l.rv=o.rv"):
        yield as_bytes(body)
    query = (
        "SELECT kind, body FROM rows WHERE kind<>'node'"
        " OR owner IN (SELECT uid FROM objects WHERE resource=?)"
    )
    for kind, body in connection.execute(query, (WORKFLOWS,)):
        if kind not in without:
            yield as_bytes(body)


def as_bytes(body: bytes | str) -> bytes:
    return body.encode() if isinstance(body, str) else body
