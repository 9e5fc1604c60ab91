"""Endpoints with a gate: nothing without a session, a session by a code that works once, nothing further."""

from __future__ import annotations

import asyncio
import http.client
import json
from email.message import Message
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest

from pinnace.gateway.doorkeeper import CODE_SECONDS, SESSION, Doorkeeper, foreign
from pinnace.gateway.interface import Backend, Endpoint, Refused, Route, Split
from pinnace.home import Home
from pinnace.runtimes.server import Request
from tests.gateway.conftest import Platform

HOST, OTHER = "lab.demo.localhost", "den.demo.localhost"
CODE = {"content-type": "application/x-www-form-urlencoded"}


def gated(name: str, *addresses: str, gate: str = "one") -> Endpoint:
    key = f"notebooks/{name}"
    return Endpoint(
        namespace="demo", name=key, gate=gate,
        routes=(Route(hosts=(f"{name}.demo.localhost",), splits=(Split(key, 100),)),),
        backends=(Backend(name=key, addresses=addresses, lenient=True),),
    )


class Answer(msgspec.Struct):
    status: int
    headers: Message
    body: bytes

    @property
    def cookie(self) -> str:
        return str(self.headers["set-cookie"]).partition(";")[0]


async def ask(
    gateway: Platform, path: str, host: str = HOST, headers: dict[str, str] | None = None, code: str = "",
    method: str = "",
) -> Answer:
    def exchange() -> Answer:
        client = http.client.HTTPConnection("127.0.0.1", gateway.about.port, timeout=20)
        try:
            body = urlencode({"code": code}) if code else None
            named = {"host": f"{host}:{gateway.about.port}", **(CODE if code else {}), **(headers or {})}
            client.request(method or ("POST" if code else "GET"), path, body, named)
            answer = client.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            client.close()

    return await asyncio.to_thread(exchange)


async def code_for(gateway: Platform, key: str, location: str) -> str:
    link = await gateway.client.invite(key, location)
    name = key.rpartition("/")[2]
    start = f"http://{name}.demo.localhost:{gateway.about.port}{SESSION}?code="
    assert link.startswith(start)
    return link.removeprefix(start)


async def entered(gateway: Platform, name: str = "lab") -> dict[str, str]:
    code = await code_for(gateway, f"demo/notebooks/{name}", "/lab")
    answer = await ask(gateway, SESSION, f"{name}.demo.localhost", code=code)
    assert answer.status == 303, answer.body
    return {"cookie": answer.cookie}


@pytest.mark.anyio
async def test_a_gated_endpoint_is_shown_to_a_session_alone(gateway: Platform) -> None:
    await gateway.client.publish([gated("lab", gateway.serve("lab")), gated("den", gateway.serve("den"))])
    closed = await ask(gateway, "/", headers={"accept": "text/html"})
    assert closed.status == 401
    assert b"pinnace notebook open lab -n demo" in closed.body
    forged = {"authorization": "Bearer anything", "cookie": "pinnace_session_gate_00000000=9999999999.x.y"}
    assert (await ask(gateway, "/x", headers=forged)).status == 401
    assert (await ask(gateway, "/check/x")).status == 401

    code = await code_for(gateway, "demo/notebooks/lab", "/notebook/demo/lab/lab?reset")
    shown = await ask(gateway, f"{SESSION}?code={code}")
    assert (shown.status, code.encode() in shown.body) == (200, True), "looking at the link spends nothing"
    assert (await ask(gateway, SESSION, OTHER, code=code)).status == 403, "a code is for one host"
    code = await code_for(gateway, "demo/notebooks/lab", "/notebook/demo/lab/lab?reset")
    entry = await ask(gateway, SESSION, code=code)
    assert (entry.status, entry.headers["location"]) == (303, "/notebook/demo/lab/lab?reset")
    attributes = str(entry.headers["set-cookie"])
    assert "HttpOnly" in attributes
    assert "SameSite=Lax" in attributes
    assert "Domain" not in attributes
    assert (await ask(gateway, SESSION, code=code)).status == 403, "a code works once"

    session = {"cookie": entry.cookie}
    assert (await ask(gateway, "/", headers=session)).body == b"lab"
    assert (await ask(gateway, "/", OTHER, headers=session)).status == 401, "another notebook's session"


@pytest.mark.anyio
async def test_no_credential_of_ours_goes_on_and_no_other_page_comes_in(gateway: Platform) -> None:
    await gateway.client.publish([gated("lab", gateway.serve("lab"))])
    session = await entered(gateway)
    jar = {"cookie": f"_xsrf=2|abc; {session['cookie']}; a=b", "authorization": "Bearer whatever"}
    seen = json.loads((await ask(gateway, "/headers", headers=jar)).body)
    assert seen["cookie"] == "_xsrf=2|abc; a=b"
    assert "authorization" not in seen

    mine = f"http://{HOST}:{gateway.about.port}"
    assert (await ask(gateway, "/", headers={**session, "origin": mine})).status == 200
    neighbour = f"http://{OTHER}:{gateway.about.port}"
    assert (await ask(gateway, "/", headers={**session, "origin": neighbour})).status == 403
    tag = {"sec-fetch-site": "same-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "script"}
    assert (await ask(gateway, "/", headers={**session, **tag})).status == 403


@pytest.mark.anyio
async def test_another_mark_ends_every_session_and_a_restart_none(gateway: Platform) -> None:
    address = gateway.serve("lab")
    await gateway.client.publish([gated("lab", address)])
    session = await entered(gateway)
    gateway.gateway.terminate()
    gateway.gateway.wait(10)
    gateway.start_gateway()
    await gateway.up()
    assert (await ask(gateway, "/", headers=session)).status == 200
    await gateway.client.publish([gated("lab", address, gate="two")])
    assert (await ask(gateway, "/", headers=session)).status == 401
    with pytest.raises(Refused, match="not served"):
        await code_for(gateway, "demo/notebooks/nobody", "/")


class Doors:
    def __init__(self, tmp: Any) -> None:
        self.now = 1000.0
        self.endpoint = gated("lab", "unix:/x")
        self.keeper = Doorkeeper(Home.at(tmp).prepare(), lambda host: self.endpoint, lambda: self.now)

    def redeem(self, code: str) -> int:
        body = urlencode({"code": code}).encode()
        request = Request("POST", SESSION, {"host": HOST, **CODE}, body, SESSION)
        return self.keeper.handle(request).status


def test_a_code_grows_old(tmp_path: Any) -> None:
    doors = Doors(tmp_path)
    code = doors.keeper.invite(doors.endpoint, "/")
    doors.now += CODE_SECONDS + 1
    assert doors.redeem(code) == 403
    assert doors.redeem(doors.keeper.invite(doors.endpoint, "/")) == 303


@pytest.mark.parametrize("location", ["//evil.example/", "http://evil.example/", "lab", "/a\nb", "/\\evil"])
def test_an_invitation_leads_to_a_path_of_its_host(tmp_path: Any, location: str) -> None:
    doors = Doors(tmp_path)
    with pytest.raises(Refused):
        doors.keeper.invite(doors.endpoint, location)


def test_whose_doing_a_request_is() -> None:
    host = {"host": "lab.demo.localhost:7080"}
    own = {**host, "origin": "http://lab.demo.localhost:7080"}
    assert not foreign("GET", host)
    assert not foreign("POST", own)
    assert not foreign("GET", {**own, "sec-websocket-version": "13"})
    assert foreign("GET", {**host, "sec-websocket-version": "13"})
    assert foreign("POST", {**host, "origin": "http://lab.demo.localhost"})
    link = {**host, "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    assert not foreign("GET", {**link, "sec-fetch-dest": "document"})
    assert foreign("GET", {**link, "sec-fetch-dest": "iframe"})
    assert foreign("POST", {**link, "sec-fetch-dest": "document"})


@pytest.mark.anyio
async def test_who_looks_at_a_page_is_told_what_it_waits_for(gateway: Platform) -> None:
    reason = "preparing the environment for <jupyter>"
    absent = gated("lab")
    backend = msgspec.structs.replace(absent.backends[0], waiting=False, reason=reason)
    await gateway.client.publish([msgspec.structs.replace(absent, backends=(backend,))])
    session = await entered(gateway)
    page = await ask(gateway, "/", headers={**session, "accept": "text/html"})
    assert (page.status, page.headers["refresh"]) == (503, "2")
    assert b"preparing the environment for &lt;jupyter&gt;" in page.body
    plain = await ask(gateway, "/", headers=session)
    assert (plain.status, json.loads(plain.body)) == (503, {"error": reason})

    mute = f"unix:{gateway.socket('mute')}"
    await gateway.client.publish([gated("lab", mute)])
    page = await ask(gateway, "/", headers={**session, "accept": "text/html"})
    assert (page.status, b"does not answer yet" in page.body) == (503, True)
