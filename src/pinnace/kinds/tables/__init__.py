"""The tables that `kubectl get` shows, made where the objects are (`meta.k8s.io/v1 Table`).

`api/kube` is the caller: `table` for everything at once, or `definitions` once and `cells` for each object
of a stream. Built-in kinds have a printer in `core`, `pods` or `workloads`; all others print the columns of
their `Resource`, which for users' kinds come from the CustomResourceDefinition.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from ..resource import Column, Obj, Resource
from . import core, pods, workloads
from .age import since
from .printer import Printer
from .values import cell

PRINTERS: dict[str, Printer] = {**pods.PRINTERS, **core.PRINTERS, **workloads.PRINTERS}
NAME = {"name": "Name", "type": "string", "format": "name", "description": "", "priority": 0}
PLAIN = (Column("Created At", "date", ".metadata.creationTimestamp"),)


def definitions(resource: Resource) -> list[dict[str, Any]]:
    """`columnDefinitions` of the resource's table."""
    printer = PRINTERS.get(resource.key)
    columns = printer.columns if printer else resource.columns or PLAIN
    shown = [
        {"name": one.name, "type": one.type, "format": one.format, "description": "",
         "priority": one.priority}
        for one in columns
    ]
    return shown if printer and printer.nameless else [NAME, *shown]


def cells(resource: Resource, obj: Obj, now: datetime) -> list[Any]:
    """One row, wide columns included, in the order of `definitions`."""
    name = (obj.get("metadata") or {}).get("name", "")
    printer = PRINTERS.get(resource.key)
    if printer is None:
        if not resource.columns:
            return [name, (obj.get("metadata") or {}).get("creationTimestamp")]
        return [name, *(cell(one, obj, now) for one in resource.columns)]
    row = printer.cells(obj, now)
    if printer.remark is not None:
        name += printer.remark(obj)
    return row if printer.nameless else [name, *row]


def conditions(resource: Resource, obj: Obj) -> list[dict[str, str]]:
    """`conditions` of a row: of Pods that have ended."""
    phase = (obj.get("status") or {}).get("phase") if resource.key == "pods" else ""
    if phase not in ("Succeeded", "Failed"):
        return []
    return [{"type": "Completed", "status": "True", "reason": phase}]


def table(resource: Resource, objs: Iterable[Obj], now: datetime) -> dict[str, Any]:
    """The body of a Table without its objects; the caller adds `object` to each row as the client asked."""
    rows: list[dict[str, Any]] = []
    for obj in objs:
        row: dict[str, Any] = {"cells": cells(resource, obj, now)}
        if ended := conditions(resource, obj):
            row["conditions"] = ended
        rows.append(row)
    return {"columnDefinitions": definitions(resource), "rows": rows}


__all__ = ["cells", "conditions", "definitions", "since", "table"]
