"""What customers see: it asks the catalog for prices, and brings orders to where they are kept."""

import os

from service import ask, serve

CATALOG, ORDERS = "catalog", "orders-0.orders:8080"


def show(path):
    if path == "/healthz":
        return {"ok": True}
    return {**ask(CATALOG), **ask(ORDERS)}


def buy(wish, headers):
    price = ask(CATALOG)["products"][wish["product"]]
    return ask(ORDERS, {**wish, "price": price}, Key=os.environ["KEY"])


serve(show, buy)
