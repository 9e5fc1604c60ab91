"""Templates without a pod: http, data and plugin, on a live engine with a real agent process."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest

from pinnace.controllers.workflow.agent.client import Agent
from pinnace.controllers.workflow.agent.messages import Data, Done, Http, Question
from tests.workflow.world import START, World

MOVED = {"/moved": "/there", "/away": "http://169.254.169.254/latest/meta-data"}


class Web(BaseHTTPRequestHandler):
    seen: ClassVar[list[tuple[str, str, dict[str, str], bytes]]] = []

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.seen.append((self.command, self.path, dict(self.headers), body))
        if self.path == "/slow":
            threading.Event().wait(5)
        if self.path in MOVED:
            self.send_response(302)
            self.send_header("Location", MOVED[self.path])
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        code = int(self.path[1:]) if self.path[1:].isdigit() else 200
        answer = b"x" * (2 << 20) if self.path == "/large" else f"{self.command} {self.path}".encode()
        self.send_response(code)
        self.send_header("X-Kind", "test")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_POST = do_PUT = do_DELETE = do_GET

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def web() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Web)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def ask(*questions: Question) -> list[Done]:
    """All at once, of one agent."""

    async def go() -> list[Done]:
        agent = Agent()
        found = await asyncio.gather(*(agent.ask(each) for each in questions))
        process = agent._process
        assert process is not None
        process.stdin.close()  # type: ignore[union-attr]
        assert await process.wait() == 0
        return found

    return asyncio.run(go())


def test_requests_answer_with_their_bodies_and_upstreams_words(web: str) -> None:
    good, moved, bad, checked, false, wrong, large, none = ask(
        Http(0, "GET", f"{web}/a"),
        Http(0, "GET", f"{web}/moved"),
        Http(0, "GET", f"{web}/404"),
        Http(
            0,
            "GET",
            f"{web}/404",
            condition='response.statusCode == 404 && response.headers["X-Kind"][0] == "test"',
        ),
        Http(
            0, "POST", f"{web}/a", body=b"b", condition='request.body == "b" && response.body contains "GET"'
        ),
        Http(0, "GET", f"{web}/a", condition="response.body"),
        Http(0, "GET", f"{web}/large"),
        Http(0, "GET", "http://127.0.0.1:1/"),
    )
    assert (good.phase, good.result, good.message) == ("Succeeded", "GET /a", "")
    assert moved.result == "GET /there"
    assert (bad.phase, bad.message, bad.result) == (
        "Failed",
        "received non-2xx response code: 404",
        "GET /404",
    )
    assert checked.phase == "Succeeded"
    assert false.message == (
        'successCondition \'request.body == "b" && response.body contains "GET"\' evaluated false'
    )
    assert (wrong.phase, "is not a bool" in wrong.message) == ("Failed", True)
    assert large.message == "the response is larger than 1048576 bytes"
    assert (none.phase, none.message.startswith('Get "http://127.0.0.1:1/": ')) == ("Failed", True)


def test_no_request_goes_to_a_metadata_service(web: str) -> None:
    urls = ("http://169.254.169.254/latest", "http://[fe80::1]/", f"{web}/away")
    for done in ask(*(Http(0, "GET", url) for url in urls)):
        assert done.phase == "Failed"
        assert "is a link-local address" in done.message


def test_a_slow_answer_ends_with_its_timeout_and_does_not_hold_the_others(web: str) -> None:
    slow, quick = ask(Http(0, "GET", f"{web}/slow", timeout=0.3), Http(0, "GET", f"{web}/b"))
    assert (slow.phase, "context deadline exceeded" in slow.message) == ("Failed", True)
    assert quick.result == "GET /b"


def test_headers_and_bodies_are_sent(web: str) -> None:
    ask(Http(0, "PUT", f"{web}/sent", headers=[("X-A", "1"), ("Host", "other.example")], body=b"\x00\xff"))
    method, _, headers, body = next(each for each in Web.seen if each[1] == "/sent")
    assert (method, headers["X-A"], headers["Host"], body) == ("PUT", "1", "other.example", b"\x00\xff")


def test_keys_are_transformed_one_expression_after_the_other() -> None:
    filtered, plain, bomb = ask(
        Data(
            0,
            ['filter(data, {# endsWith ".pdf"})', "map(data, {upper(#)})"],
            keys=["a.pdf", "b.txt", "c.pdf"],
        ),
        Data(0, [], keys=["a"]),
        Data(0, ["map(1..1000000000, {#})"], keys=[]),
    )
    assert json.loads(filtered.result or "") == ["A.PDF", "C.PDF"]
    assert plain.result == '["a"]'
    assert (bomb.phase, "too large" in bomb.message) == ("Error", True)


def test_base64_is_what_a_body_from_bytes_is() -> None:
    from pinnace.controllers.workflow.errands import _body

    assert _body({"bodyFrom": {"bytes": base64.b64encode(b"raw").decode()}}) == b"raw"
    assert _body({"body": "text"}) == b"text"


def document() -> dict[str, Any]:
    return {
        "metadata": {"name": "calls"},
        "spec": {
            "entrypoint": "main",
            "templates": [
                {
                    "name": "main",
                    "steps": [
                        [
                            {
                                "name": "call",
                                "template": "call",
                                "arguments": {"parameters": [{"name": "u", "value": "x"}]},
                            }
                        ]
                    ],
                },
                {
                    "name": "call",
                    "inputs": {"parameters": [{"name": "u"}]},
                    "http": {
                        "url": "http://{{inputs.parameters.u}}/",
                        "headers": [{"name": "N", "value": "{{workflow.name}}"}],
                    },
                    "retryStrategy": {"limit": 1},
                },
            ],
        },
    }


def test_a_node_of_type_http_waits_for_its_answer_and_asks_again_after_a_crash() -> None:
    world = World(document())
    world.run.pump()
    (errand,) = world.run.outbox.errands
    assert errand.kind == "http"
    assert errand.document == {"url": "http://x/", "headers": [{"name": "N", "value": "calls"}]}
    world._take()
    node = world.node("$wf[0].call(0)")
    assert (node.type, node.phase) == ("HTTP", "Running")
    again = World(document(), nodes=[*world.nodes.values()])
    again.run.pump()
    assert [each.node for each in again.run.outbox.errands] == [errand.node]
    again.run.answered(errand.node, START, "Failed", "received non-2xx response code: 503", "busy")
    again.run.pump()
    (second,) = again.run.outbox.errands[1:]
    again.run.answered(second.node, START, "Succeeded", "", "fine")
    again.run.answered(second.node, START, "Failed", "too late", None)
    again.settle()
    assert again.phase == "Succeeded"
    assert (again.node("$wf[0].call(1)").outputs or {})["result"] == "fine"


def test_a_run_that_is_stopped_does_not_wait_for_an_answer() -> None:
    world = World(document())
    world.run.pump()
    (errand,) = world.run.outbox.errands
    world.run.stop("Terminate", START)
    world.settle()
    world.run.answered(errand.node, START, "Succeeded", "", "late")
    world.settle()
    assert world.phase == "Failed"
    assert world.node("$wf[0].call(0)").phase == "Failed"


def test_a_plugin_has_upstreams_end() -> None:
    world = World(
        {
            "metadata": {"name": "p"},
            "spec": {"entrypoint": "m", "templates": [{"name": "m", "plugin": {"x": {}}}]},
        }
    ).go()
    assert world.phase == "Failed"
    assert world.run.message.startswith("no plugin executed the template")
