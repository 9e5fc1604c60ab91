"""Requests through real Envoy: split, promotion, drain, activation, credentials, and Envoy's death."""

from __future__ import annotations

import asyncio
import json
import math
import os
import signal
import time
from collections import Counter

import pytest

from pinnace.gateway.interface import Refused
from tests.gateway.conftest import Platform, backend, exchange, until

pytestmark = pytest.mark.anyio
R1, R2 = "iris-predictor-00001", "iris-predictor-00002"


class Load:
    """`workers` clients, a connection each, that ask until told to stop; a refused connection is retried."""

    def __init__(self, platform: Platform, workers: int = 8) -> None:
        self.platform = platform
        self.answers: Counter[tuple[int, bytes]] = Counter()
        self.broken = 0
        self.last = time.monotonic()
        self.longest = 0.0
        self._stop = False
        self._tasks = [asyncio.create_task(self._work()) for _ in range(workers)]

    async def _work(self) -> None:
        while not self._stop:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self.platform.about.port)
            except OSError:
                await asyncio.sleep(0.005)
                continue
            try:
                while not self._stop:
                    host = "iris.demo.localhost"
                    answer = await exchange(reader, writer, "/x", host, {}, b"{}")
                    self.answers[answer] += 1
                    now = time.monotonic()
                    self.longest, self.last = max(self.longest, now - self.last), now
            except (OSError, EOFError, IndexError):
                self.broken += 1
            finally:
                writer.close()

    async def more(self, number: int = 200) -> None:
        wanted = self.answers.total() + number

        async def enough() -> bool:
            return self.answers.total() >= wanted

        await until(enough)

    async def end(self) -> None:
        self._stop = True
        await asyncio.gather(*self._tasks)


async def canary(platform: Platform, percent: int) -> None:
    one, two = backend(R1, platform.serve("one")), backend(R2, platform.serve("two"))
    await platform.client.publish([platform.endpoint({R1: 100 - percent, R2: percent}, [one, two])])
    await platform.healthy(R1, R2)


async def test_a_tenth_of_the_requests_reaches_the_canary_and_the_counters_agree(gateway: Platform) -> None:
    await canary(gateway, 10)
    answers = Counter([await gateway.ask("/x") for _ in range(1000)])
    seen = answers[200, b"two"]
    assert answers.total() == seen + answers[200, b"one"] == 1000
    assert abs(seen - 100) < 5 * math.sqrt(1000 * 0.1 * 0.9)
    stats = await gateway.client.stats()
    assert stats[f"demo/{R2}"].requests == seen
    assert stats[f"demo/{R1}"].requests == 1000 - seen
    assert stats[f"demo/{R1}"].errors == 0
    assert stats[f"demo/{R1}"].p99 is not None or (await gateway.client.stats())[f"demo/{R1}"].p99 is not None


async def test_no_request_is_lost_while_weights_change(gateway: Platform) -> None:
    await canary(gateway, 0)
    load = Load(gateway)
    one, two = (backend(name, f"unix:{gateway.socket(s)}") for name, s in ((R1, "one"), (R2, "two")))
    await load.more()
    for percent in (10, 50, 90, 0, 100):
        await gateway.client.publish([gateway.endpoint({R1: 100 - percent, R2: percent}, [one, two])])
        await load.more()
    await gateway.client.publish([gateway.endpoint({R2: 100}, [two])])
    before = load.answers[200, b"one"]
    await load.more()
    await load.end()
    assert load.broken == 0
    assert set(load.answers) == {(200, b"one"), (200, b"two")}
    assert load.answers[200, b"one"] - before <= 8, "only what was under way may still reach the old revision"


async def test_a_revision_that_leaves_answers_what_it_has_begun(gateway: Platform) -> None:
    slow = backend(R1, gateway.serve("slow", delay=0.8))
    await gateway.client.publish([gateway.endpoint({R1: 100}, [slow])])
    await gateway.healthy(R1)
    begun = asyncio.create_task(gateway.ask("/x"))

    async def active() -> bool:
        return (await gateway.client.stats())[f"demo/{R1}"].active == 1

    await until(active)
    await gateway.client.withdraw(["demo/iris"])
    assert (await gateway.ask("/x"))[0] == 404
    assert await begun == (200, b"slow")


@pytest.mark.serial
async def test_envoy_killed_under_load_is_back_within_a_second(gateway: Platform) -> None:
    await canary(gateway, 50)
    load = Load(gateway)
    await load.more()
    counted = (await gateway.client.stats())[f"demo/{R1}"].requests
    load.longest = 0.0
    os.kill(int(gateway.about.envoy), signal.SIGKILL)
    await load.more()
    await load.end()
    assert load.longest < 1.0
    assert load.broken <= 24, "only what was under way breaks: one request a client, a new connection each"
    assert {status for status, _ in load.answers} == {200}
    about = await gateway.client.about()
    assert about.restarts == 1
    assert about.envoy != gateway.about.envoy
    assert (await gateway.client.stats())[f"demo/{R1}"].requests > counted


async def test_a_new_gateway_process_serves_the_last_picture_and_goes_on_counting(gateway: Platform) -> None:
    await canary(gateway, 0)
    assert await gateway.ask("/x") == (200, b"one")
    port = gateway.about.port
    gateway.gateway.kill()
    gateway.gateway.wait()
    gateway.start_gateway()
    await gateway.up()
    assert gateway.about.port == port
    assert await gateway.ask("/x") == (200, b"one")
    assert await gateway.client.published() == ["demo/iris"]


async def test_counters_survive_a_graceful_restart(gateway: Platform) -> None:
    await canary(gateway, 0)
    for _ in range(20):
        await gateway.ask("/x")
    gateway.gateway.terminate()
    assert gateway.gateway.wait(10) == 0
    gateway.start_gateway()
    await gateway.up()
    await gateway.ask("/x")
    assert (await gateway.client.stats())[f"demo/{R1}"].requests == 21


async def test_a_request_waits_for_the_first_replica(gateway: Platform) -> None:
    await gateway.client.publish([gateway.endpoint({R1: 100}, [backend(R1)])])
    waiting = asyncio.create_task(gateway.ask("/x", body=b"{}" * 100_000))

    async def held() -> bool:
        return (await gateway.client.stats())[f"demo/{R1}"].held == 1

    await until(held)
    address = gateway.serve("one")
    await gateway.client.publish([gateway.endpoint({R1: 100}, [backend(R1, address)])])
    assert await waiting == (200, b"one")
    await gateway.healthy(R1)
    before = (await gateway.client.stats())[f"demo/{R1}"].activations
    assert await gateway.ask("/x") == (200, b"one")
    assert (await gateway.client.stats())[f"demo/{R1}"].activations == before == 1


async def test_what_will_not_run_is_refused_with_its_reason(gateway: Platform) -> None:
    stopped = backend(R1, waiting=False, reason="iris is stopped")
    await gateway.client.publish([gateway.endpoint({R1: 100}, [stopped])])
    status, body = await gateway.ask("/x")
    assert (status, json.loads(body)) == (503, {"error": "iris is stopped"})


async def test_a_hold_ends_with_the_endpoints_timeout(gateway: Platform) -> None:
    await gateway.client.publish([gateway.endpoint({R1: 100}, [backend(R1)], timeout=0.2)])
    status, _ = await gateway.ask("/x")
    assert status in (503, 504)


async def test_requests_wait_while_the_only_replica_is_started_again(gateway: Platform) -> None:
    await canary(gateway, 0)
    assert await gateway.ask("/x") == (200, b"one")
    gateway.processes[1].kill()
    gateway.processes[1].wait()
    waiting = [asyncio.create_task(gateway.ask("/x")) for _ in range(5)]
    gateway.serve("one", "one again")
    assert await asyncio.gather(*waiting) == [(200, b"one again")] * 5


async def test_host_path_form_port_and_documented_domain_all_lead_there(gateway: Platform) -> None:
    await canary(gateway, 0)
    for host in ("iris.demo.localhost", f"iris.demo.localhost:{gateway.about.port}", "iris.demo.localhost:80",
                 "iris.demo.example.com", "iris.demo.svc.cluster.local", "iris.demo"):
        assert await gateway.ask("/x", host) == (200, b"one"), host
    assert await gateway.ask("/serving/demo/iris/x", "localhost") == (200, b"one")
    assert await gateway.ask("/serving/demo/iris/x", "127.0.0.1:1") == (200, b"one")
    assert (await gateway.ask("/serving/demo/other/x", "localhost"))[0] == 404


async def test_an_unknown_host_is_told_the_nearest(gateway: Platform) -> None:
    await canary(gateway, 0)
    status, body = await gateway.ask("/x", "irs.demo.localhost:8081")
    assert status == 404
    assert "did you mean iris.demo.localhost?" in json.loads(body)["error"]
    assert (await gateway.ask("/x", "iris.demo.evil.com"))[0] == 404


async def test_our_credentials_never_reach_a_model_and_its_own_do(gateway: Platform) -> None:
    await canary(gateway, 0)

    async def seen(**headers: str) -> dict[str, str]:
        status, body = await gateway.ask("/headers", headers=headers)
        assert status == 200
        return dict(json.loads(body))

    assert "authorization" not in await seen(Authorization="Bearer anything")
    gateway.home.token.write_text("s3cret-token%1\n")

    async def told() -> bool:
        return (await seen(Authorization="Bearer theirs")).get("authorization") == "Bearer theirs"

    await until(told)
    assert "authorization" not in await seen(Authorization="Bearer s3cret-token%1")
    jar = "a=1; pinnace_session_ab12=deadbeef; b=2"
    assert (await seen(Cookie=jar))["cookie"] == "a=1; b=2"
    assert "cookie" not in await seen(Cookie="pinnace_session_ab12=deadbeef")
    assert (await seen(Cookie="a=1"))["cookie"] == "a=1"


async def test_a_model_learns_the_service_and_a_client_cannot_lie_about_it(gateway: Platform) -> None:
    await canary(gateway, 0)
    lie = {"KServe-Isvc-Name": "lie", "Knative-Serving-Revision": R2}
    _, body = await gateway.ask("/headers", headers=lie)
    seen = json.loads(body)
    assert seen["kserve-isvc-name"] == "iris"
    assert seen["knative-serving-revision"] == R1


async def test_two_endpoints_cannot_have_one_host(gateway: Platform) -> None:
    await canary(gateway, 0)
    other = gateway.endpoint({R1: 100}, [backend(R1)])
    with pytest.raises(Refused, match=r"demo/other: the host iris\.demo\.localhost/ belongs to demo/iris"):
        await gateway.client.publish([type(other)(**{**_fields(other), "name": "other"})])
    assert await gateway.ask("/x") == (200, b"one")


def _fields(endpoint: object) -> dict[str, object]:
    return {name: getattr(endpoint, name) for name in endpoint.__struct_fields__}  # type: ignore[attr-defined]
