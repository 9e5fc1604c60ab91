"""Argo's API as the command line asks it. Caller: the modules beside this."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import quote, urlencode

from pinnace.cli.connection import Connection, Refused
from pinnace.cli.platform import Failure
from pinnace.home import Home

Document = dict[str, Any]
ENDED = ("Succeeded", "Failed", "Error")
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


class Door:
    """One namespace's workflows; '' means all namespaces, for lists."""

    def __init__(self, home: Home, namespace: str) -> None:
        self.connection = Connection.to(home)
        self.namespace = namespace

    def path(self, name: str = "", verb: str = "", **query: str) -> str:
        parts = [one for one in ("api/v1/workflows", self.namespace, name, verb) if one]
        asked = {key.replace("__", "."): value for key, value in query.items() if value}
        return "/" + "/".join(quote(one, safe="/@") for one in parts) + (
            f"?{urlencode(asked)}" if asked else "")

    def get(self, name: str, fields: str = "") -> Document:
        found: Document = self.connection.json(self.path(name, fields=fields))
        return found

    def list(self, **query: str) -> list[Document]:
        found: list[Document] = self.connection.json(self.path(**query))["items"] or []
        return found

    def act(self, name: str, verb: str, **body: Any) -> Document:
        """PUT …/<verb>; the Workflow that comes of it."""
        given = {key: value for key, value in body.items() if value}
        content = self.connection.request("PUT", self.path(self.resolved(name), verb), given)
        made: Document = json.loads(content)
        return made

    def delete(self, name: str, *, force: bool = False) -> None:
        query = {"force": "true"} if force else {}
        self.connection.request("DELETE", self.path(self.resolved(name), **query))

    def resolved(self, name: str) -> str:
        """`@latest` as a name."""
        if name != "@latest":
            return name
        return str(self.get(name, "metadata.name")["metadata"]["name"])

    def stream(self, path: str) -> Iterator[Any]:
        """The results of a stream. Raises Refused if it ends with an error."""
        for message in self.connection.stream(path):
            if "error" in message:
                raise Refused(500, str(message["error"].get("message")))
            yield message["result"]

    def follow_phase(self, name: str) -> Document:
        """The Workflow when it has ended."""
        while True:
            found = self.get(name, "-status.nodes")
            if phase(found) in ENDED:
                return found
            meta = found["metadata"]
            path = f"/api/v1/workflow-events/{meta['namespace']}?" + urlencode({
                "listOptions.fieldSelector": f"metadata.name={name}", "fields": "-result.object.status.nodes",
                "listOptions.resourceVersion": meta.get("resourceVersion", ""),
            })
            with suppress(Refused):  # too far in the past by now: look again
                for event in self.stream(path):
                    if event["type"] == "DELETED":
                        raise Failure(f"workflow {name} was deleted before it ended")
                    if phase(event["object"]) in ENDED:
                        break


def phase(workflow: Document) -> str:
    return str((workflow.get("status") or {}).get("phase") or "Pending")


def seconds(text: str, option: str) -> float:
    """`10m`, `24h`, `7d`. Raises Failure."""
    parts = re.findall(r"(\d+(?:\.\d+)?)([smhdw])", text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise Failure(f"{option} {text}: expected a duration such as 30s, 10m, 24h or 7d")
    return sum(float(number) * UNITS[unit] for number, unit in parts)


def pairs(parameters: tuple[str, ...], option: str) -> list[str]:
    """Raises Failure for one that is not `name=value`."""
    for one in parameters:
        if "=" not in one:
            raise Failure(f"{option} {one}: expected name=value")
    return list(parameters)
