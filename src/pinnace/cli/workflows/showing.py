"""`pinnace workflow list` and `get`: tables, a summary with its tree, or the documents themselves."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.table import Table

from pinnace.authoring.argo import selecting
from pinnace.authoring.argo.mistake import Mistake
from pinnace.cli.platform import Failure
from pinnace.cli.tree import Picture, duration, moment, node_path
from pinnace.cli.workflows.door import ENDED, Document, Door, phase, seconds

FIELDS = (
    "metadata,items.metadata,items.status.phase,items.status.startedAt,items.status.finishedAt,"
    "items.status.progress,items.status.message,items.spec.arguments,items.spec.suspend"
)
UNITS = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"))


def listing(
    door: Door, *, status: tuple[str, ...], running: bool, completed: bool, labels: str, prefix: str,
    since: str, older: str, limit: int, output: str,
) -> int:
    query = {
        "listOptions__labelSelector": labels, "listOptions__limit": str(limit) if limit else "",
        "fields": "" if output in ("json", "yaml") else FIELDS,
    }
    if prefix:
        query |= {"listOptions__fieldSelector": f"metadata.name={prefix}", "nameFilter": "Prefix"}
    if since:
        query["createdAfter"] = _ago(since, "--since")
    if older:
        query["finishedBefore"] = _ago(older, "--older")
    found = [
        one for one in door.list(**query)
        if (not status or phase(one) in status)
        and (not running or phase(one) not in ENDED) and (not completed or phase(one) in ENDED)
    ]
    return _print(door, found, output)


def _ago(text: str, option: str) -> str:
    then = datetime.fromtimestamp(time.time() - seconds(text, option), UTC)
    return then.strftime("%Y-%m-%dT%H:%M:%SZ")


def _print(door: Door, found: list[Document], output: str) -> int:
    if output in ("json", "yaml"):
        _document({"apiVersion": "v1", "kind": "List", "items": found}, output)
    elif output == "name":
        for one in found:
            print(one["metadata"]["name"])
    elif not found:
        print(f"no workflows in namespace {door.namespace}" if door.namespace else "no workflows")
    else:
        Console().print(_table(found, everywhere=not door.namespace, wide=output == "wide"))
    return 0


def _table(found: list[Document], *, everywhere: bool, wide: bool) -> Table:
    more = ("PARAMETERS",) if wide else ()
    first = ("NAMESPACE",) if everywhere else ()
    table = Table(box=None)
    for title in (*first, "NAME", "STATUS", "AGE", "DURATION", "PROGRESS", "MESSAGE", *more):
        table.add_column(title, no_wrap=title not in ("MESSAGE", "PARAMETERS"))
    for one in found:
        meta, state = one["metadata"], one.get("status") or {}
        lasted = duration(state)
        table.add_row(
            *((meta["namespace"],) if everywhere else ()), meta["name"], _status(one),
            short(time.time() - moment(meta["creationTimestamp"])),
            short(lasted) if lasted is not None else "-", state.get("progress", "-"),
            state.get("message", ""), *((_parameters(one),) if wide else ()),
        )
    return table


def _status(workflow: Document) -> str:
    suspended = (workflow.get("spec") or {}).get("suspend") and phase(workflow) == "Running"
    return "Running (Suspended)" if suspended else phase(workflow)


def _parameters(workflow: Document) -> str:
    given = ((workflow.get("spec") or {}).get("arguments") or {}).get("parameters") or ()
    return ",".join(f"{one['name']}={one.get('value', '')}" for one in given)


def short(span: float) -> str:
    """The largest unit that fits, as `2m`, `3h`."""
    for size, unit in UNITS:
        if span >= size:
            return f"{int(span // size)}{unit}"
    return "0s"


def _document(document: Any, output: str) -> None:
    if output == "json":
        print(json.dumps(document, indent=2))
        return
    import yaml

    print(yaml.safe_dump(document, sort_keys=False, default_flow_style=False), end="")


def get(door: Door, name: str, *, output: str, selector: str) -> int:
    workflow = door.get(name)
    if selector:
        workflow = _selected(workflow, selector)
    if output in ("json", "yaml"):
        _document(workflow, output)
        return 0
    if output == "name":
        print(workflow["metadata"]["name"])
        return 0
    console = Console()
    _summary(console, workflow)
    if selector:
        for node in (workflow["status"].get("nodes") or {}).values():
            console.print(Picture.line(node["name"], node.get("phase", ""), node))
    else:
        console.print(_drawn(door, workflow))
    return 0


def _selected(workflow: Document, selector: str) -> Document:
    try:
        terms = selecting.parse(selector)
    except Mistake as mistake:
        raise Failure(f"--node-field-selector: {mistake}") from None
    status = workflow.get("status") or {}
    nodes = {key: node for key, node in (status.get("nodes") or {}).items()
             if selecting.matches(terms, node)}
    return {**workflow, "status": {**status, "nodes": nodes}}


def _summary(console: Console, workflow: Document) -> None:
    meta, status, spec = workflow["metadata"], workflow.get("status") or {}, workflow.get("spec") or {}
    lasted = duration(status)
    rows = {
        "Name": meta["name"], "Namespace": meta.get("namespace"),
        "ServiceAccount": spec.get("serviceAccountName") or "unset (default)", "Status": _status(workflow),
        "Message": status.get("message"), "Created": meta.get("creationTimestamp"),
        "Started": status.get("startedAt"), "Finished": status.get("finishedAt"),
        "Duration": short(lasted) if lasted is not None else None, "Progress": status.get("progress"),
        "Parameters": _parameters(workflow) or None,
        "Conditions": " ".join(f"{one['type']}={one['status']}" for one in status.get("conditions") or ()),
    }
    for title, value in rows.items():
        if value:
            console.print(f"{title + ':':<16} {value}", highlight=False, soft_wrap=True, markup=False)
    for one in (status.get("outputs") or {}).get("parameters") or ():
        console.print(f"{'Output:':<16} {one['name']}={one.get('value')}", highlight=False, markup=False)


def _drawn(door: Door, workflow: Document) -> Any:
    """The tree of the live one; what is archived has only its picture."""
    picture, meta = Picture(workflow), workflow["metadata"]
    for node in door.connection.json(node_path(meta["namespace"], meta["name"]))["items"]:
        picture.add(node)
    if not picture.nodes:
        for number, (key, node) in enumerate(((workflow.get("status") or {}).get("nodes") or {}).items()):
            picture.nodes[key] = node
            picture.links[key] = {"order": number}
    return picture.render()
