"""`POST /pinnace/v1/namespaces/<namespace>/inferencegraphs/<name>/walk`: ask a graph, and be told the way.

The body is the graph's own request, of any type. The answer tells what each step was given and said, which a
caller of the graph does not see: so it is for those who may change the graph, and could look anyway.
"""

from __future__ import annotations

import base64
from typing import Any

from pinnace.api.http import Request, method_not_allowed, not_found
from pinnace.cli.given import Platform
from pinnace.gateway.interface import Refused, Taken, Unreachable, Walked
from pinnace.kinds.serving_graph import INFERENCE_GRAPH
from pinnace.objects.errors import StatusError

LIMIT = 16 * 1024 * 1024
"""Bytes of a request."""


async def answer(platform: Platform, request: Request) -> None:
    _, _, _, namespace, _, name, *rest = [*request.segments(), "", ""]
    if rest[:1] != ["walk"]:
        raise not_found()
    if request.method != "POST":
        raise method_not_allowed()
    await platform.client.as_(request.identity).get(INFERENCE_GRAPH, name, namespace)
    allow = platform.client.house.authoriser.allow
    if not allow(request.identity, "update", INFERENCE_GRAPH, namespace, name, ""):
        words = f"the way through inferencegraphs {name!r} is told to those who may update it, and"
        raise StatusError(403, "Forbidden", f"{words} {request.identity.user} may not")
    kind = request.header(b"content-type") or "application/json"
    try:
        found = await platform.gateway.walk(f"{namespace}/{name}", await request.body(LIMIT), kind)
    except Refused as problem:
        words = f"{problem}; its status tells what it waits for"
        raise StatusError(503, "ServiceUnavailable", words) from None
    except Unreachable:
        words = "the gateway is not running: `pinnace status` tells more"
        raise StatusError(503, "ServiceUnavailable", words) from None
    await request.json(200, document(found))


def document(found: Walked) -> dict[str, Any]:
    return {
        "status": found.status, "contentType": found.content_type, "took": found.took,
        "body": said(found.body), "steps": [step(each) for each in found.steps],
    }


def step(taken: Taken) -> dict[str, Any]:
    return {
        "node": taken.node, "index": taken.index, "began": taken.began, "took": taken.took,
        "status": taken.status, "failure": taken.failure,
        "request": said(taken.request), "requestSize": taken.request_size,
        "answer": said(taken.answer), "answerSize": taken.answer_size,
    }


def said(message: bytes) -> dict[str, str]:
    """`text` where it is one, else `base64`. A text that was cut inside of a letter stays a text."""
    for end in range(min(4, len(message) + 1)):
        try:
            return {"text": message[: len(message) - end].decode()}
        except UnicodeDecodeError:
            continue
    return {"base64": base64.b64encode(message).decode()}
