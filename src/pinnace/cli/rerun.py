"""`pinnace rerun RUN`: what was recorded runs again, and each output is compared by its digest.

The run may have been deleted long ago. Exit code 0: every output is equal; 1: some differ, and the table says
why; 2: it could not be run to its end.
"""

from __future__ import annotations

import json
import time
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode

from rich.console import Console
from rich.table import Table

from pinnace.authoring import repeating
from pinnace.cli.connection import Connection, Refused
from pinnace.cli.lineage import BASE, SHORT
from pinnace.cli.platform import Failure
from pinnace.cli.tree import follow
from pinnace.home import Home

PAUSE = 0.25
ENDS = {"Complete": True, "Succeeded": True, "Failed": False, "SuspendedEnd": False}
EQUAL, DIFFERENT, UNFINISHED = 0, 1, 2


def rerun(home: Home, name: str, namespace: str, *, timeout: float) -> int:
    connection, console = Connection.to(home), Console()
    found = connection.json(f"{BASE}/run?{urlencode({'name': name, 'namespace': namespace})}")
    run = found["object"]
    manifest, notes = repeating.again(run, found["nodes"])
    manifest, configs, more = repeating.brought_back(manifest, found["sources"])
    for config in configs:
        with suppress(Refused):  # there from an earlier time
            create(connection, config)
    for note in [*notes, *more]:
        console.print(note, style="dim")
    created = create(connection, manifest)
    where = "was deleted, runs again from its record" if found["gone"] else "runs again"
    console.print(f"{run['kind']} {run['metadata']['name']} {where} as {created['metadata']['name']}")
    if run["kind"] == "Workflow":
        follow(connection, created, console)
    else:
        await_end(connection, created, timeout)
    report = compared(connection, run, created)
    console.print(drawn(report))
    return told(console, report)


def create(connection: Connection, manifest: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(connection.request("POST", path_of(connection, manifest), manifest))
    return made


def path_of(connection: Connection, manifest: dict[str, Any]) -> str:
    """The collection of a kind. Raises Failure: the platform serves it no more."""
    version, kind = manifest["apiVersion"], manifest["kind"]
    base = f"/apis/{version}" if "/" in version else f"/api/{version}"
    for one in connection.json(base)["resources"]:
        if one["kind"] == kind and "/" not in one["name"]:
            return f"{base}/namespaces/{manifest['metadata']['namespace']}/{one['name']}"
    raise Failure(f"this platform has no kind {kind} of {version} any more")


def await_end(connection: Connection, created: dict[str, Any], timeout: float) -> None:
    """Raises Failure."""
    meta = created["metadata"]
    path = f"{path_of(connection, created)}/{meta['name']}"
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        status = connection.json(path).get("status") or {}
        for one in status.get("conditions") or []:
            if one.get("status") == "True" and one.get("type") in ENDS:
                return
        time.sleep(PAUSE)
    raise Failure(f"{created['kind']} {meta['name']} has not ended within {timeout:.0f} s (--timeout)", 2)


def compared(connection: Connection, old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    query = {
        "old": f"{old['kind']}/{old['metadata']['name']}", "old_uid": old["metadata"]["uid"],
        "new": f"{new['kind']}/{new['metadata']['name']}", "new_uid": new["metadata"]["uid"],
        "namespace": old["metadata"].get("namespace", ""),
    }
    answer: dict[str, Any] = connection.json(f"{BASE}/compare?{urlencode(query)}")
    return answer


def drawn(report: dict[str, Any]) -> Table:
    made = Table("STEP", "OUTPUT", "THEN", "NOW", "WHY", box=None, pad_edge=False)
    for step in report["steps"]:
        for one in step["equal"]:
            made.add_row(step["step"], one, "equal", "", "; ".join(step.get("changed", [])), style="green")
        for one in step["differ"]:
            made.add_row(
                step["step"], one["output"], short(one["old"]), short(one["new"]), "; ".join(step["why"]),
                style="yellow",
            )
        if step.get("missing"):
            made.add_row(step["step"], step["missing"], "", "", "", style="red")
        elif not step["equal"] and not step["differ"] and not step.get("claims"):
            made.add_row(step["step"], "no output", "", "", "; ".join(step.get("changed", [])), style="dim")
        for claim in step.get("claims", []):
            alone = not step["equal"] and not step["differ"]
            more = "; ".join(step.get("changed", [])) if alone else ""
            made.add_row(step["step"], f"claim {claim}", "not digested", "not digested", more, style="dim")
    return made


def short(value: str) -> str:
    return value if len(value) <= SHORT else f"{value[:SHORT]}…"


def told(console: Console, report: dict[str, Any]) -> int:
    claims = sorted({claim for step in report["steps"] for claim in step.get("claims", [])})
    if claims:
        console.print(f"not compared: what lies on the claim {', '.join(claims)} has no digest", style="dim")
    if report["equal"]:
        nothing = "no step left an output that could be compared"
        console.print("every output is equal" if report["outputs"] else nothing, style="bold green")
        return EQUAL
    if any(step.get("missing") for step in report["steps"]):
        console.print("the runs did not go the same way", style="bold red")
        return UNFINISHED
    console.print("some outputs differ", style="bold yellow")
    return DIFFERENT
