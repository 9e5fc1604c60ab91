"""`kubectl apply -k examples/web-shop`: services, jobs and volumes that find each other by name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.platform import Platform, eventually

SHOP = Path(__file__).parents[2] / "examples" / "web-shop"
SOLD = "6 orders, 466.60 in all\n"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    platform = Platform(tmp_path_factory.mktemp("home"))
    try:
        platform.up()
        platform.kubectl("apply", "-k", str(SHOP))
        platform.kubectl("wait", "--for=condition=Complete", "job/customers", "--timeout=110s")
        yield platform
    finally:
        platform.down()


def reported(shop: Platform, name: str) -> str:
    shop.kubectl("create", "job", "--from=cronjob/report", name)
    shop.kubectl("wait", "--for=condition=Complete", f"job/{name}", "--timeout=60s")
    return shop.kubectl("logs", f"job/{name}")


def test_every_customer_s_order_is_there(shop: Platform) -> None:
    status = shop.get("job", "customers")["status"]
    assert (status["succeeded"], status["completedIndexes"]) == (6, "0-5")
    assert reported(shop, "first") == SOLD


def test_orders_outlive_their_pod(shop: Platform) -> None:
    before = shop.get("pod", "orders-0")["metadata"]["uid"]
    shop.kubectl("delete", "pod", "orders-0")
    shop.kubectl("rollout", "status", "statefulset/orders", "--timeout=60s")
    assert shop.get("pod", "orders-0")["metadata"]["uid"] != before
    assert reported(shop, "second") == SOLD


def test_a_price_changes_by_a_rolling_update_and_back(shop: Platform) -> None:
    price = ["exec", "deploy/shop", "--", "python", "-c",
             "import urllib.request as u; print(u.urlopen('http://catalog').read().decode())"]
    products = '{"pen":999,"book":1450,"lamp":3990}'
    shop.kubectl("set", "env", "deployment/catalog", f"PRODUCTS={products}")
    shop.kubectl("rollout", "status", "deployment/catalog", "--timeout=60s")
    eventually(lambda: '"pen": 999' in shop.kubectl(*price), "the new price")
    shop.kubectl("rollout", "undo", "deployment/catalog")
    shop.kubectl("rollout", "status", "deployment/catalog", "--timeout=60s")
    eventually(lambda: '"pen": 120' in shop.kubectl(*price), "the old price")


def test_the_autoscaler_keeps_its_least(shop: Platform) -> None:
    def settled() -> bool:
        found = shop.get("hpa", "catalog")["status"]
        return bool(found["currentReplicas"] == 2 and found.get("currentMetrics"))

    eventually(settled, "two replicas and a measure", 90)


SERVICE = "/api/v1/namespaces/default/services"


def test_a_service_and_a_pod_answer_through_the_api(shop: Platform) -> None:
    for name in ("shop", "shop:80", "http:shop:80", "orders"):
        answer = json.loads(shop.kubectl("get", "--raw", f"{SERVICE}/{name}/proxy/"))
        assert answer["total"] >= 46660
    pods = f"{SERVICE.replace('services', 'pods')}/orders-0"
    assert json.loads(shop.kubectl("get", "--raw", f"{pods}:8080/proxy/"))["orders"] >= 6
    assert json.loads(shop.kubectl("get", "--raw", f"{pods}/proxy/"))["orders"] >= 6
    wish = {"product": "pen", "count": 1}
    said = shop.api.request("POST", f"{SERVICE}/shop/proxy/buy?a=b", wish)
    assert json.loads(said) == {"taken": {"product": "pen", "count": 1, "price": 120}}


def test_what_cannot_be_reached_is_named(shop: Platform) -> None:
    def refused(path: str) -> str:
        return shop.kubectl("get", "--raw", path, check=False)

    assert 'no service port "81" found for service "shop"' in refused(f"{SERVICE}/shop:81/proxy/")
    assert 'services "none" not found' in refused(f"{SERVICE}/none/proxy/")
    shop.kubectl("create", "service", "clusterip", "empty", "--tcp=80")
    assert 'no endpoints available for service "empty"' in refused(f"{SERVICE}/empty/proxy/")
    pods = SERVICE.replace("services", "pods")
    assert "error trying to reach service" in refused(f"{pods}/orders-0:9/proxy/")


def test_a_browsers_session_sees_no_page_of_a_pod(shop: Platform) -> None:
    api = shop.api
    link = str(json.loads(api.request("POST", "/pinnace/v1/signin"))["url"])
    code = link.rpartition("code=")[2]
    with httpx.Client(base_url=api.plain_url, trust_env=False) as browser:
        browser.post("/signin", data={"code": code}, headers={"origin": api.plain_url})
        assert browser.get("/api/v1/namespaces").status_code == 200
        assert browser.get(f"{SERVICE}/shop/proxy/").status_code == 403


def test_an_address_written_by_hand_leads_nowhere_on_this_machine(shop: Platform) -> None:
    shop.kubectl("create", "service", "clusterip", "loop", "--tcp=80")
    slices = {
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": {"name": "loop", "labels": {"kubernetes.io/service-name": "loop"}},
        "endpoints": [{"addresses": ["127.0.0.1"]}], "ports": [{"name": "80", "port": 80}],
    }
    shop.kubectl("patch", "service", "loop", "--type=json", "-p",
                 '[{"op": "remove", "path": "/spec/selector"}]')
    shop.kubectl("apply", "-f", "-", text=json.dumps(slices))
    assert "no endpoints" in shop.kubectl("get", "--raw", f"{SERVICE}/loop/proxy/", check=False)


def test_nobody_else_may_bring_orders(shop: Platform) -> None:
    code = "import urllib.request as u; u.urlopen('http://orders-0.orders:8080', b'{}')"
    said = shop.kubectl("exec", "deploy/catalog", "--", "python", "-c", code, check=False)
    assert "HTTP Error 403" in said
