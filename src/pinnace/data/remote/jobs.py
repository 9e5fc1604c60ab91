"""What is asked of the process, and what it answers: one JSON document each way.

Written by `node/transfers` and `controllers/workflow/agent`, read by `process`. `where` is upstream's
location document (argoproj/argo-workflows ArtifactLocation) in which every secret's reference has been
replaced by its value.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

BUCKETS = ("s3", "gcs", "azure")
KINDS = (*BUCKETS, "http", "artifactory", "git")
"""Kinds of locations that are reached. The others are refused by name (`refusal`)."""
REFUSED = {
    "oss": "Alibaba's OSS answers the S3 API as well: use s3 with its endpoint",
    "hdfs": "put a gateway before HDFS (WebHDFS, HttpFS) and use http, or copy to a bucket",
    "plugin": "artifact drivers of the cluster are not installed here: use s3, gcs, azure, http, git or raw",
}


class Job(msgspec.Struct, omit_defaults=True):
    """`archive`: of a get `auto` (unpack what is a tarball), `none`, `tar` or `zip`; of a put the same
    without `auto`. `dial`: names that only this platform knows → an address, for `where`'s host."""

    do: Literal["get", "put", "list", "delete"]
    name: str
    kind: str
    where: dict[str, Any]
    archive: str = ""
    level: int = 6
    digest: str = ""
    """Put: what is to be sent."""
    file: str = ""
    """Put: a file to be sent instead (a log)."""
    base: str = ""
    """Put: the name that stands in the archive."""
    dial: str = ""


class Jobs(msgspec.Struct):
    blobs: str
    run: str
    """The folder of the way into the cluster network (`home.run`)."""
    jobs: list[Job]


class Answer(msgspec.Struct, omit_defaults=True):
    digest: str = ""
    size: int = 0
    directory: bool = False
    keys: list[str] | None = None
    error: str = ""
    absent: bool = False
    """The error is that nothing is there."""


class RemoteError(Exception):
    """The text is the node's message."""


class NothingThere(RemoteError):
    """Nothing is stored there: an optional artifact may be left out."""


def kind_of(location: dict[str, Any]) -> str:
    """Which kind of location a document of upstream's names; '' for none."""
    for kind in (*KINDS, *REFUSED):
        if location.get(kind) is not None:
            return kind
    return ""


def completed(artifact: dict[str, Any], reference: dict[str, Any] | None) -> dict[str, Any]:
    """A node's artifact with the whole of its location. Of one in the default repository the status tells
    only the key; `reference` is the workflow's `status.artifactRepositoryRef`, which tells the rest."""
    for kind, where in ((reference or {}).get("artifactRepository") or {}).items():
        given = artifact.get(kind)
        if isinstance(given, dict) and not (given.get("bucket") or given.get("container")):
            return {**artifact, kind: {**where, **given}}
    return artifact


def refusal(kind: str) -> str:
    """Why a location of this kind is not reached; '' if it is."""
    why = REFUSED.get(kind)
    return "" if why is None else f"{kind} artifacts are not reached by Pinnace; {why}"
