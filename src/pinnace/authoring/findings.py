"""What is wrong with a document, and where: the words of the schema and of upstream's validation, each with a
JSON pointer, so that an editor leads to the place. Pure. Callers: `api/authoring`.

Upstream's messages carry the way to a problem as names (`templates.main.tasks.a template name 'b'
undefined`); the deepest step that is named is where it leads. Ports that do not fit are told, too
(`ports.py`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from pinnace.authoring import ports
from pinnace.authoring.argo import validation
from pinnace.authoring.ports import Port, Ports
from pinnace.kinds import argo_older
from pinnace.kinds.resource import Obj
from pinnace.kinds.review import review
from pinnace.kinds.schema import Node

Find = Callable[[str, str], Node | None]
"""The schema of an apiVersion and kind, None where there is none."""
_STEP = re.compile(r"\[(?P<at>\d+)\]|\.?(?P<name>[^.\[\]]+)")
_CALL = re.compile(
    r"templates\.(?P<template>[\w-]+)\.(?:tasks\.(?P<task>[\w-]+)|steps\[(?P<group>\d+)\]\.(?P<step>[\w-]+))"
)
_TEMPLATE = re.compile(r"templates\.(?P<template>[\w-]+)")
_INDEXED = re.compile(r"^(spec(?:\.[\w]+|\[\d+\])+)")
_FROM = re.compile(r"^\{\{(?:tasks|steps)\.([\w-]+)\.outputs\.(artifacts|parameters)\.([\w.-]+)\}\}$")


class Finding(msgspec.Struct, frozen=True):
    path: str
    """A JSON pointer; '' is the whole."""
    message: str
    severity: str = "error"
    source: str = "argo"
    line: int = 0
    column: int = 0


def judge(document: Obj, find: Find, lookup: validation.Lookup | None) -> list[Finding]:
    """Everything that is known to be wrong, the most important first."""
    kind, version = str(document.get("kind") or ""), str(document.get("apiVersion") or "")
    schema = find(version, kind)
    if schema is None:
        at = "/kind" if kind else ""
        return [Finding(at, f"{version or 'no apiVersion'} has no kind {kind!r} here", source="schema")]
    older = list(argo_older.modernise(document)) if kind in argo_older.KINDS else []
    found = [Finding("", text, "warning") for text in older]
    judged = review(schema, document)
    if judged.misfit is not None:
        return [Finding("", judged.misfit, source="schema"), *found]
    unknown = [Finding(pointer(path), f'unknown field "{path}"', source="schema") for path in judged.unknown]
    causes = [Finding(pointer(one.field), one.message, source="schema") for one in judged.causes]
    if causes:
        return [*causes, *unknown, *found]
    told = validation.document(document, lookup)
    return [
        *(Finding(place(document, text), text) for text in told), *unknown, *misfits(document, lookup), *found
    ]


def pointer(path: str) -> str:
    """`spec.templates[0].name` → `/spec/templates/0/name`; '' for what is no path."""
    if not path or path.startswith("<"):
        return ""
    parts = [found["at"] or found["name"] for found in _STEP.finditer(path)]
    return "".join(f"/{escaped(part)}" for part in parts)


def escaped(part: str) -> str:
    return part.replace("~", "~0").replace("/", "~1")


def place(document: Obj, text: str) -> str:
    """Where a message of upstream's leads."""
    if written := _INDEXED.match(text):
        return _there(document, pointer(written[1]))
    templates = (document.get("spec") or {}).get("templates") or []
    calls = list(_CALL.finditer(text))
    for call in reversed(calls):
        at = _named(templates, call["template"])
        if at is None:
            continue
        inner = _called(templates[at], call)
        if inner:
            return f"/spec/templates/{at}{inner}"
    for named in reversed(list(_TEMPLATE.finditer(text))):
        at = _named(templates, named["template"])
        if at is not None:
            return f"/spec/templates/{at}"
    return "/spec/entrypoint" if text.startswith(("template name '", "spec.entrypoint")) else ""


def _named(listed: list[Any], name: str) -> int | None:
    names = [one.get("name") if isinstance(one, dict) else None for one in listed]
    return names.index(name) if name in names else None


def _called(template: Obj, call: re.Match[str]) -> str:
    if call["task"]:
        at = _named((template.get("dag") or {}).get("tasks") or [], call["task"])
        return "" if at is None else f"/dag/tasks/{at}"
    groups, number = template.get("steps") or [], int(call["group"])
    if number >= len(groups):
        return ""
    at = _named(groups[number] or [], call["step"])
    return "" if at is None else f"/steps/{number}/{at}"


def _there(document: Any, path: str) -> str:
    """As much of a pointer as leads somewhere."""
    at, parts = document, []
    for part in path.split("/")[1:]:
        if isinstance(at, list) and part.isdigit() and int(part) < len(at):
            at = at[int(part)]
        elif isinstance(at, dict) and part in at:
            at = at[part]
        else:
            break
        parts.append(part)
    return "".join(f"/{part}" for part in parts)


# ---- ports -------------------------------------------------------------------------------------


def misfits(document: Obj, lookup: validation.Lookup | None) -> Iterator[Finding]:
    """Wires of DAGs and steps whose ports have types that do not fit."""
    known: dict[tuple[str, bool, str], Ports] = {}
    for at, template in enumerate((document.get("spec") or {}).get("templates") or ()):
        calls = list(_calls(template, f"/spec/templates/{at}"))
        named = {str(call.get("name")): call for _, call in calls}
        for where, call in calls:
            mine = _ports(document, call, lookup, known)
            for path, port, text in _wires(call, where, mine):
                if wire := _FROM.match(text):
                    why = _misfit(document, named, wire, port, lookup, known)
                    if why:
                        yield Finding(path, f"{call.get('name')}.{port.name}: {why}", "warning", "ports")


def _calls(template: Obj, place: str) -> Iterator[tuple[str, Obj]]:
    for at, task in enumerate((template.get("dag") or {}).get("tasks") or ()):
        yield f"{place}/dag/tasks/{at}", task
    for number, group in enumerate(template.get("steps") or ()):
        for at, step in enumerate(group or ()):
            yield f"{place}/steps/{number}/{at}", step


def _wires(call: Obj, where: str, mine: Ports) -> Iterator[tuple[str, Port, str]]:
    arguments = call.get("arguments") or {}
    for part, field in (("artifacts", "from"), ("parameters", "value")):
        for at, one in enumerate(arguments.get(part) or ()):
            port = next((p for p in mine.inputs if p.name == one.get("name") and p.kind == part[:-1]), None)
            if port is not None:
                yield f"{where}/arguments/{part}/{at}", port, str(one.get(field) or "")


def _misfit(
    document: Obj, named: dict[str, Obj], wire: re.Match[str], port: Port, lookup: validation.Lookup | None,
    known: dict[tuple[str, bool, str], Ports],
) -> str:
    flowing = _flowing(document, named, wire, lookup, known, 0)
    verdict = ports.fit(Port(wire[3], wire[2][:-1], (flowing,)), port)
    return "" if verdict.fits else verdict.reason


def _flowing(
    document: Obj, named: dict[str, Obj], wire: re.Match[str], lookup: validation.Lookup | None,
    known: dict[tuple[str, bool, str], Ports], depth: int,
) -> str:
    """The type that comes along a wire, through whatever passes it on."""
    source = named.get(wire[1])
    if source is None or depth > 20:
        return ports.ANY
    theirs = _ports(document, source, lookup, known)
    output = next((one for one in theirs.outputs if one.name == wire[3]), None)
    wired = {}
    if output is not None and output.like:
        for _, port, text in _wires(source, "", theirs):
            if port.name == output.like and (before := _FROM.match(text)):
                wired[port.name] = _flowing(document, named, before, lookup, known, depth + 1)
    return ports.flowing(theirs, wire[3], wired)


def _ports(
    document: Obj, call: Obj, lookup: validation.Lookup | None, known: dict[tuple[str, bool, str], Ports]
) -> Ports:
    """Of what a step or task calls; none where that is not known."""
    reference = call.get("templateRef") or {}
    place, cluster = str(reference.get("name") or ""), bool(reference.get("clusterScope"))
    template = str(reference.get("template") or call.get("template") or "")
    key = (place, cluster, template)
    if key not in known:
        known[key] = _found_ports(document, call, lookup, key)
    return known[key]


def _found_ports(
    document: Obj, call: Obj, lookup: validation.Lookup | None, key: tuple[str, bool, str]
) -> Ports:
    place, cluster, template = key
    holder: Obj | None = document
    if place:
        namespace = (document.get("metadata") or {}).get("namespace")
        holder = lookup(place, cluster=cluster, namespace=namespace) if lookup is not None else None
    if holder is None or not template:
        return Ports()
    try:
        return ports.of(holder, template)
    except ports.PortError:
        return Ports()
