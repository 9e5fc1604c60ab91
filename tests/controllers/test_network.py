"""Which pods get a network of their own, and which address. Pure."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from pinnace.controllers.pods.found import Blocked
from pinnace.controllers.pods.network import NONE, Addresses, Networks, resolver
from pinnace.node.protocol import Container, Hello, Mount, Run

HELLO = Hello(
    1, "e", [], "sandbox", 2000, 1 << 30, network="own", network_prefix="10.88", network_outside=True
)


def pod(name: str = "p", *, annotations: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    spec = {"restartPolicy": "Never", "containers": [{"name": "main"}], **spec}
    labels = spec.pop("labels", {})
    meta = {"name": name, "namespace": "team", "uid": f"uid-{name}", "labels": labels}
    return {"metadata": {**meta, "annotations": annotations or {}}, "spec": spec}


def with_services(*names: str) -> Networks:
    networks = Networks()
    for name in names:
        meta = {"name": name, "namespace": "team"}
        networks.services.see({"metadata": meta, "spec": {"selector": {"app": name}}}, gone=False)
    return networks


@pytest.mark.parametrize(("spec", "why"), [
    ({"containers": [{"name": "main", "ports": [{"containerPort": 80}]}]}, "it declares ports"),
    ({"containers": [{"name": "a", "livenessProbe": {"grpc": {"port": 8}}}]}, "a probe asks its port 8"),
    ({"subdomain": "web"}, "it has a name in web"),
    ({"restartPolicy": "Always"}, "it is a server"),
    ({"labels": {"app": "web"}}, "Service web selects it"),
    ({"annotations": {"pinnace.dev/network": "own"}}, "it asks for one"),
    ({}, "its namespace has Service web"),
    ({"annotations": {"pinnace.dev/staging": "{}"}}, ""),
    ({"hostNetwork": True, "restartPolicy": "Always"}, ""),
    ({"annotations": {"pinnace.dev/network": "none"}, "subdomain": "web"}, ""),
    ({"annotations": {"pinnace.dev/sockets": "{}"}, "restartPolicy": "Always"}, ""),
])
def test_who_gets_a_network_of_its_own(spec: dict[str, Any], why: str) -> None:
    found = with_services("web").decide(pod(**spec), HELLO)
    assert (found.why, found.mode) == (why, "own" if why else "none")
    assert found.address.startswith("10.88.") if why else not found.address.startswith("10.")


@pytest.mark.parametrize(("text", "spoken"), [
    ("curl http://web/x", True), ("curl web:80", True), ("--master=web", True), ("web", True),
    ("web.team", True),
    ("x.other.svc", True), ("10.88.1.2", True), ("10.96.0.1:443", True), ("echo web", False),
    ("import web", False), ("http://webs/", False), ("my-web:80", False), ("web-x:80", False),
    ("10.8.1.2", False), ("curl web", True), ("sleep 1; wget -q web", True), ("curl -d web=1 x", False),
    ("curl x; echo web", False), ("web.example.com", False), ("http://web.example.com", False),
])  # fmt: skip
def test_a_step_that_speaks_of_a_service_gets_one_too(text: str, spoken: bool) -> None:
    networks = with_services("web")
    run = Run("uid-p", "team", "p", [Container("main", "i", command=["sh", "-c", text])])
    found = networks.reconsider(pod(), run, NONE, HELLO)
    assert (found.mode == "own") is spoken


def test_nothing_is_read_into_texts_where_there_is_no_service() -> None:
    run = Run("uid-p", "team", "p", [Container("main", "i", command=["web:80"])])
    assert Networks().reconsider(pod(), run, NONE, HELLO) is NONE


def test_an_address_is_fixed_by_the_pod_and_free_after_it() -> None:
    addresses = Addresses()
    first = addresses.take("a", "10.88")
    assert addresses.take("a", "10.88") == first
    again = Addresses()
    again.adopt("other", first)
    assert again.take("a", "10.88") not in (first, "")
    addresses.give("a")
    assert addresses.take("a", "10.88") == first
    many = [addresses.take(str(n), "10.88") for n in range(3000)]
    assert len(set(many)) == 3000
    kept = ("10.88.0.", "10.88.255.")
    assert not [a for a in many if a.split(".")[3] in ("0", "255") or a.startswith(kept)]


def test_less_than_its_own_is_told_with_the_reason() -> None:
    hello = Hello(1, "e", [], "sandbox", 1, 1, network="loopback", network_why="there is no nsenter")
    found = Networks().decide(pod(subdomain="web"), hello)
    assert found.address.startswith("127.88.")
    assert "there is no nsenter" in found.story
    assert "a name in web" in found.story
    engine = pod(subdomain="web", annotations={"pinnace.dev/isolation": "container"})
    assert "isolation container has none" in Networks().decide(engine, HELLO).story


def test_a_word_that_is_no_mode_is_refused() -> None:
    with pytest.raises(Blocked, match="is none of own, none"):
        Networks().decide(pod(annotations={"pinnace.dev/network": "host"}), HELLO)


def test_the_resolver_follows_policy_and_config() -> None:
    assert resolver({}, "team") == (
        "search team.svc.cluster.local svc.cluster.local cluster.local\n"
        "nameserver 10.96.0.10\noptions ndots:5\n"
    )
    config = {"nameservers": ["1.1.1.1"], "options": [{"name": "ndots", "value": "2"}]}
    assert resolver({"dnsPolicy": "None", "dnsConfig": config}, "team") == (
        "nameserver 1.1.1.1\noptions ndots:2\n"
    )
    assert "options ndots:2" in resolver({"dnsConfig": config}, "team")


def test_a_network_that_leads_nowhere_says_so() -> None:
    hello = msgspec.structs.replace(HELLO, network_outside=False)
    assigned = Networks().decide(pod("one", restartPolicy="Always"), hello)
    assert assigned.mode == "own"
    assert "slirp4netns" in assigned.story
    assert "slirp4netns" not in Networks().decide(pod("one", restartPolicy="Always"), HELLO).story


def test_where_there_are_services_a_job_may_ask_for_them() -> None:
    networks = with_services("web")
    assert networks.decide(pod(), HELLO).why == "its namespace has Service web"
    step = pod(annotations={"pinnace.dev/staging": "{}"})
    assert networks.decide(step, HELLO) is NONE
    mount = Mount("/app", files={"main.py": b'print(ask("http://web/prices"))'})
    run = Run("uid-p", "team", "p", [Container("main", "i", mounts=[mount])])
    assert networks.reconsider(step, run, NONE, HELLO).why == "it speaks of http://web"
