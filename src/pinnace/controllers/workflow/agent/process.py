"""`python -m pinnace.controllers.workflow.agent.process`: does control's errands, sixteen at a time.

Source: argoproj/argo-workflows workflow/executor/agent.go (http), workflow/data (data). It leaves after a
minute without work, or when control is gone.
"""

from __future__ import annotations

import asyncio
import base64
import struct
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import msgspec

from pinnace.authoring.argo.expression.errors import ExpressionError
from pinnace.authoring.argo.expression.evaluate import evaluate
from pinnace.authoring.argo.expression.sprig import SPRIG
from pinnace.authoring.argo.expression.values import to_json
from pinnace.controllers.workflow.agent.messages import Data, Delete, Done, Http, Question
from pinnace.data.remote.linklocal import guard, hook
from pinnace.data.remote.reach import DOOR, forwarded, local

WORKERS = 16
"""Upstream's ARGO_AGENT_TASK_WORKERS."""
SILENCE = 60.0
RESULT_LIMIT = 1 << 20
HEAD = struct.Struct(">I")
_encode = msgspec.msgpack.Encoder().encode
_decode: msgspec.msgpack.Decoder[Question] = msgspec.msgpack.Decoder(Question)


async def done(question: Question) -> Done:
    try:
        if isinstance(question, Http):
            return await answered(question)
        if isinstance(question, Delete):
            return await asyncio.to_thread(deleted, question)
        return await asyncio.to_thread(listed, question)
    except ExpressionError as error:
        phase = "Failed" if isinstance(question, Http) else "Error"
        return Done(question.id, phase, str(error))
    except Exception as error:
        return Done(question.id, "Error", f"error processing task: {type(error).__name__}: {error}")


async def answered(asked: Http) -> Done:
    """The request, its answer judged. What the network says is the node's message: Failed, as upstream's."""
    import httpx

    url, headers = reached(asked)
    within, options = asked.timeout or None, _options(asked, url)
    try:
        async with (
            asyncio.timeout(within),
            httpx.AsyncClient(timeout=within, **options) as client,
            client.stream(asked.method, url, headers=headers, content=asked.body) as answer,
        ):
            body = b""
            async for piece in answer.aiter_bytes():
                body += piece
                if len(body) > RESULT_LIMIT:
                    return Done(asked.id, "Failed", f"the response is larger than {RESULT_LIMIT} bytes")
    except TimeoutError:
        words = f"context deadline exceeded: no answer within {asked.timeout:g} s"
        return Done(asked.id, "Failed", f'{asked.method.capitalize()} "{asked.url}": {words}')
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
        words = str(error) or type(error).__name__
        return Done(asked.id, "Failed", f'{asked.method.capitalize()} "{asked.url}": {words}')
    return judged(asked, answer.status_code, body, answer.headers.multi_items())


def _options(asked: Http, url: str) -> dict[str, Any]:
    return {
        "verify": not asked.insecure, "follow_redirects": True, "trust_env": not local(url),
        "event_hooks": {"request": [hook]},
    }


def judged(asked: Http, code: int, body: bytes, headers: list[tuple[str, str]]) -> Done:
    result = body.decode(errors="replace")
    if not asked.condition:
        good = 200 <= code < 300
        message = "" if good else f"received non-2xx response code: {code}"
        return Done(asked.id, "Succeeded" if good else "Failed", message, result)
    env = {
        "request": {
            "method": asked.method,
            "url": asked.url,
            "body": asked.body.decode(errors="replace"),
            "bodyBytes": base64.b64encode(asked.body).decode(),
            "headers": grouped(asked.headers),
        },
        "response": {"statusCode": code, "body": result, "headers": grouped(headers)},
        "sprig": SPRIG,
    }
    verdict = evaluate(asked.condition, env)
    if not isinstance(verdict, bool):
        raise ExpressionError(f"successCondition '{asked.condition}' is not a bool")
    message = "" if verdict else f"successCondition '{asked.condition}' evaluated false"
    return Done(asked.id, "Succeeded" if verdict else "Failed", message, result)


def grouped(headers: list[tuple[str, str]]) -> dict[str, list[str]]:
    """As Go's http.Header: canonical names, lists of values."""
    found: dict[str, list[str]] = {}
    for name, value in headers:
        found.setdefault("-".join(part.capitalize() for part in name.split("-")), []).append(value)
    return found


def reached(asked: Http) -> tuple[str, list[tuple[str, str]]]:
    """The URL by which this machine reaches what is meant, and the headers to send."""
    if not asked.dial:
        return asked.url, asked.headers
    parts = urlsplit(asked.url)
    address, port = asked.dial.split(" ")
    if not address.startswith("127."):
        address, port = "127.0.0.1", str(forwarded(Path(asked.run) / DOOR, address, int(port)))
    place = f"{address}:{port}"
    headers = asked.headers
    if not any(name.lower() == "host" for name, _ in headers):
        headers = [*headers, ("Host", parts.netloc)]
    return urlunsplit((parts.scheme, place, parts.path, parts.query, parts.fragment)), headers


def listed(asked: Data) -> Done:
    """The keys, transformed; the result is JSON."""
    data: Any = asked.keys
    if data is None:
        from pinnace.data.remote.jobs import Job, Jobs
        from pinnace.data.remote.process import done as carried_out

        job = Job("list", "data", asked.kind, asked.where)
        (answer,) = carried_out(Jobs(asked.blobs, asked.run, [job]))
        if answer.error:
            return Done(asked.id, "Error", f"unable to process data template: {answer.error}")
        data = answer.keys
    for step in asked.steps:
        data = evaluate(step, {"data": data, "sprig": SPRIG})
    return Done(asked.id, "Succeeded", "", to_json(data))


def deleted(asked: Delete) -> Done:
    from pinnace.data.remote.jobs import Job, Jobs
    from pinnace.data.remote.process import done as carried_out

    job = Job("delete", "artifact", asked.kind, asked.where)
    (answer,) = carried_out(Jobs(asked.blobs, asked.run, [job]))
    return Done(asked.id, "Error" if answer.error else "Succeeded", answer.error)


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    room, tasks = asyncio.Semaphore(WORKERS), set[asyncio.Task[None]]()

    async def work(question: Question) -> None:
        async with room:
            body = _encode(await done(question))
        writer.write(HEAD.pack(len(body)) + body)
        await writer.drain()

    while True:
        try:
            head = await asyncio.wait_for(reader.readexactly(HEAD.size), SILENCE)
        except TimeoutError:
            if tasks:
                continue
            return
        except asyncio.IncompleteReadError:
            return
        question = _decode.decode(await reader.readexactly(HEAD.unpack(head)[0]))
        task = asyncio.create_task(work(question))
        tasks.add(task)
        task.add_done_callback(tasks.discard)


async def main() -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=1 << 26)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    transport, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, sys.stdout)
    await serve(reader, asyncio.StreamWriter(transport, protocol, None, loop))


if __name__ == "__main__":
    guard()
    asyncio.run(main())
