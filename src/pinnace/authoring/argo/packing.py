"""A Workflow's nodes as Argo's controller packs them when they grow long: base64 of gzip of their JSON.

Pure. Source: upstream workflow/packer and hydrator. Invariant: a document that was read packed is written
packed, and never with some nodes beside the packed ones: upstream would take the few for all. Raises Mistake
where the nodes are not in the document at all.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import zlib

import msgspec

from pinnace.authoring.argo.mistake import Mistake
from pinnace.kinds.resource import Obj

PACKED, OFFLOADED = "compressedNodes", "offloadNodeStatusVersion"


def is_packed(workflow: Obj) -> bool:
    status = workflow.get("status") or {}
    return bool(status.get(PACKED)) and not status.get("nodes")


def unpacked(workflow: Obj) -> Obj:
    """With `status.nodes`. The document itself where nothing is packed."""
    status = workflow.get("status") or {}
    if status.get("nodes"):
        return workflow
    if status.get(OFFLOADED):
        raise Mistake("its nodes lie in the database of Argo's server: use Argo's own console or `argo`")
    if not status.get(PACKED):
        return workflow
    try:
        nodes = msgspec.json.decode(gzip.decompress(base64.b64decode(status[PACKED], validate=True)))
    except (binascii.Error, TypeError, OSError, EOFError, zlib.error, msgspec.DecodeError) as error:
        raise Mistake(f"status.{PACKED}: expected base64 of gzip of JSON: {error}") from None
    kept = {key: value for key, value in status.items() if key != PACKED}
    return {**workflow, "status": {**kept, "nodes": nodes}}


def packed(workflow: Obj) -> Obj:
    status = workflow.get("status") or {}
    words = base64.b64encode(gzip.compress(msgspec.json.encode(status.get("nodes") or {}))).decode()
    kept = {key: value for key, value in status.items() if key != "nodes"}
    return {**workflow, "status": {**kept, PACKED: words}}
