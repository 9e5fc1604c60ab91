"""The orders, kept on a volume: they outlive the Pod."""

import os
import sqlite3

from service import serve


def database():
    found = sqlite3.connect("/data/orders.db")
    found.execute("create table if not exists orders (product text, count int, price int)")
    return found


def totals(path):
    with database() as orders:
        sums = orders.execute("select count(*), coalesce(sum(count * price), 0) from orders")
        number, total = sums.fetchone()
    return {"orders": number, "total": total}


def take(order, headers):
    if headers.get("Key") != os.environ["KEY"]:
        raise PermissionError("orders are taken from the shop alone")
    with database() as orders:
        orders.execute("insert into orders values (:product, :count, :price)", order)
    return {"taken": order}


serve(totals, take)
