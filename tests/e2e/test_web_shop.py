"""`kubectl apply -k examples/web-shop`: services, jobs and volumes that find each other by name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

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


def test_nobody_else_may_bring_orders(shop: Platform) -> None:
    code = "import urllib.request as u; u.urlopen('http://orders-0.orders:8080', b'{}')"
    said = shop.kubectl("exec", "deploy/catalog", "--", "python", "-c", code, check=False)
    assert "HTTP Error 403" in said
