"""How much is in an artifact: bytes, files, and rows where a format counts them."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

import msgspec

from pinnace.data.blobs import Blobs, Missing
from pinnace.data.tree import EXECUTABLE, FILE

LARGEST = 64 << 20
MOST_FILES = 200


def measured(blobs: Blobs, digest: str) -> dict[str, Any]:
    """Raises Missing. `rows`: file → rows, of CSV, JSON lines and JSON lists."""
    if not blobs.is_tree(digest):
        size = blobs.path(digest).stat().st_size
        count = rows_of(str(blobs.root), digest, "") if size <= LARGEST else None
        return {"bytes": size} | ({} if count is None else {"rows": count})
    leaves = [leaf for leaf in blobs.leaves(digest) if leaf.mode in (FILE, EXECUTABLE)]
    found: dict[str, Any] = {"bytes": sum(leaf.size for leaf in leaves), "files": len(leaves)}
    rows = {
        leaf.path: count for leaf in leaves[:MOST_FILES] if leaf.size <= LARGEST
        and (count := rows_of(str(blobs.root), leaf.digest, leaf.path)) is not None
    }
    return {**found, "rows": rows} if rows else found


def parts(blobs: Blobs, digest: str) -> list[str]:
    """The digests of the files of a folder, if they are few."""
    try:
        leaves = blobs.leaves(digest)
    except (Missing, ValueError):
        return []
    found = [leaf.digest for leaf in leaves if leaf.mode in (FILE, EXECUTABLE)]
    return found if len(found) <= MOST_FILES else []


@lru_cache(maxsize=512)
def rows_of(root: str, digest: str, name: str) -> int | None:
    """None: of this format rows are not counted."""
    suffix = name.rpartition(".")[2].lower()
    if name and suffix not in ("csv", "tsv", "jsonl", "ndjson", "json"):
        return None
    with open(f"{root}/blobs/{digest[:2]}/{digest}", "rb") as file:
        content = file.read()
    suffix = suffix or looks_like(content[:65536])
    if not suffix:
        return None
    if suffix == "json":
        try:
            found = msgspec.json.decode(content)
        except msgspec.DecodeError:
            return None
        return len(found) if isinstance(found, list) else None
    lines = content.count(b"\n") + (not content.endswith(b"\n") and bool(content))
    return max(0, lines - 1) if suffix in ("csv", "tsv") else lines


def looks_like(start: bytes) -> str:
    """The format of a file whose name is not known; '': none that has rows."""
    lines = start.split(b"\n")[:3]
    if b"\0" in start or len(lines) < 2:
        return "json" if start.lstrip()[:1] == b"[" else ""
    if all(line.startswith(b"{") for line in lines if line):
        return "jsonl"
    if start.lstrip()[:1] == b"[":
        return "json"
    counts = {line.count(b",") for line in lines if line}
    return "csv" if len(counts) == 1 and counts != {0} else ""


def profile(text: Any) -> dict[str, Any]:
    """What MLflow's client says of a dataset's size."""
    try:
        found = json.loads(text or "{}")
    except (TypeError, ValueError):
        return {}
    rows = found.get("num_rows") if isinstance(found, dict) else None
    return {"rows": rows} if rows is not None else {}
