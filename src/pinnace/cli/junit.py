"""A run as a JUnit report: one test case a step, so that a CI system shows what failed and what it printed.

Caller: `run --junit`. The dialect is the one that Jenkins, GitLab and the GitHub actions read.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from pinnace.cli import steps
from pinnace.cli.connection import Connection
from pinnace.cli.tree import duration

LINES = 200
"""Of each step's log, the last ones."""
_FORBIDDEN = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold, however it is escaped."""


def write(file: Path, connection: Connection, workflow: dict[str, Any]) -> None:
    """Raises OSError."""
    pods = steps.pods(connection, workflow)
    printed = {
        node["id"]: steps.log(connection, pods[node["id"]], tail=LINES)
        for node in cases(workflow)
        if node["id"] in pods
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(document(workflow, printed))


def cases(workflow: dict[str, Any]) -> list[dict[str, Any]]:
    """What does something; a retried step counts once, by how it ended."""
    every = steps.nodes(workflow)
    attempts = {
        child for node in every if node.get("type") == "Retry" for child in node.get("children") or ()
    }
    return [
        node for node in every
        if (node.get("type") == "Retry" or node.get("type") not in steps.GROUPS)
        and node["id"] not in attempts
    ]


def document(workflow: dict[str, Any], printed: dict[str, str]) -> bytes:
    status, found = workflow.get("status") or {}, cases(workflow)
    phases = [node.get("phase") for node in found]
    name = workflow["metadata"]["name"]
    counts = {
        "name": name,
        "tests": str(len(found)),
        "failures": str(phases.count("Failed")),
        "errors": str(phases.count("Error")),
        "skipped": str(sum(phase in ("Skipped", "Omitted") for phase in phases)),
        "time": f"{duration(status) or 0:.3f}",
    }
    whole = ElementTree.Element("testsuites", counts)
    suite = ElementTree.SubElement(whole, "testsuite", {**counts, "timestamp": _moment(status)})
    for node in found:
        _case(suite, workflow, node, _printed(node, printed))
    if status.get("phase") in ("Failed", "Error") and not {"Failed", "Error"} & set(phases):
        case = ElementTree.SubElement(suite, "testcase", {"classname": name, "name": "workflow", "time": "0"})
        _bad(case, "error", status)
    ElementTree.indent(whole)
    return bytes(ElementTree.tostring(whole, encoding="utf-8", xml_declaration=True)) + b"\n"


def _printed(node: dict[str, Any], printed: dict[str, str]) -> str:
    """Of a retried step all attempts, one after the other."""
    return "".join(printed.get(each, "") for each in (node["id"], *(node.get("children") or ())))


def _case(suite: ElementTree.Element, workflow: dict[str, Any], node: dict[str, Any], text: str) -> None:
    called = node.get("templateName") or (node.get("templateRef") or {}).get("template") or ""
    attributes = {
        "classname": f"{workflow['metadata']['name']}.{called}".removesuffix("."),
        "name": steps.short(node, workflow),
        "time": f"{duration(node) or 0:.3f}",
    }
    case = ElementTree.SubElement(suite, "testcase", attributes)
    phase = node.get("phase")
    if phase in ("Failed", "Error"):
        _bad(case, "failure" if phase == "Failed" else "error", node)
    elif phase in ("Skipped", "Omitted"):
        ElementTree.SubElement(case, "skipped", {"message": clean(node.get("message", ""))})
    elif phase != "Succeeded":
        ElementTree.SubElement(case, "error", {"message": f"did not end: {phase}", "type": str(phase)})
    if text:
        ElementTree.SubElement(case, "system-out").text = clean(text)


def _bad(case: ElementTree.Element, kind: str, status: dict[str, Any]) -> None:
    message = clean(status.get("message", ""))
    made = ElementTree.SubElement(case, kind, {"message": message, "type": str(status.get("phase"))})
    made.text = message


def _moment(status: dict[str, Any]) -> str:
    return str(status.get("startedAt") or "").removesuffix("Z")


def clean(text: str) -> str:
    return _FORBIDDEN.sub("�", text)
