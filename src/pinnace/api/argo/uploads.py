"""A file for a WorkflowTemplate's input artifact, kept in the artifact repository until a run names its key.

Source: upstream server/artifacts (4.x): POST multipart `file`, answered with the key for
`submitOptions.artifacts`.
"""

from __future__ import annotations

import os
import re
import secrets
import tempfile
from contextlib import suppress
from typing import Any

from pinnace.api.argo.call import SENT, Call, Entry
from pinnace.api.argo.errors import absent
from pinnace.api.argo.multipart import Part
from pinnace.kinds.argo import WORKFLOW, WORKFLOW_TEMPLATE

LIMIT = 1024**3
FIELD = "file"


async def upload(call: Call) -> Any:
    name, artifact = call.names["template"], call.names["artifact"]
    call.may("create", call.namespace, resource=WORKFLOW)
    template = await call.client.get(WORKFLOW_TEMPLATE, name, call.namespace)
    declared = ((template.get("spec") or {}).get("arguments") or {}).get("artifacts") or ()
    if not any(one.get("name") == artifact for one in declared):
        names = ", ".join(str(one.get("name")) for one in declared) or "none"
        raise absent(f'artifact "{artifact}" is not among the arguments of {name}: it declares {names}')
    part = Part(call.request.header(b"content-type"), FIELD)
    scratch = call.given.home.data / "tmp"
    scratch.mkdir(parents=True, exist_ok=True)
    descriptor, path = tempfile.mkstemp(dir=scratch)
    try:
        with os.fdopen(descriptor, "wb") as target:
            await part.save(call.request.pieces(), target, LIMIT)
        filename = re.sub(r"[^A-Za-z0-9._-]", "_", part.filename).strip(".") or artifact
        key = f"uploads/{call.namespace}/{secrets.token_hex(8)}/{filename}"
        await call.given.keep(call.namespace, key, path)
    finally:
        with suppress(FileNotFoundError):  # kept
            os.unlink(path)
    await call.request.json(201, {"name": artifact, "key": key})
    return SENT


ROUTES: list[Entry] = [("POST", "/upload-artifacts/{namespace}/{template}/{artifact}", upload)]
