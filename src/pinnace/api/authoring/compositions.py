"""Acumos in and out: `acumos` (a blueprint or CDUMP) and `to-acumos` (a Workflow or InferenceGraph)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from pinnace.api.authoring.asked import Asked, invalid, one
from pinnace.authoring.blueprint import cdump, deploying, judging, lifting, lowering, plan, proto, solution
from pinnace.authoring.blueprint.lowering import Refused
from pinnace.authoring.blueprint.solution import Node, Obj, Solution, Unreadable


def acumos(asked: Asked) -> Obj:
    """Everything that a composition becomes; `refused` says what it cannot become, and why."""
    document = one(asked)
    try:
        form = solution.form(document)
        found = solution.of(document)
        filled = pictured(proto.with_protos(found, asked.protos), asked.images)
    except Unreadable as problem:
        raise invalid("document", str(problem)) from None
    except proto.ProtoError as problem:
        raise invalid(str(problem).partition(":")[0], str(problem).partition(": ")[2]) from None
    origin = {"blueprint": None, "cdump": None, form: document}
    made, refused = _lowered(filled, document, origin["blueprint"], asked)
    return {
        "format": form, "name": found.name,
        "findings": [{"message": each.message, "node": each.node} for each in judging.judge(filled)],
        "blueprint": plan.write(found, origin["blueprint"]),
        "cdump": cdump.write(filled if form == "blueprint" else found, origin["cdump"]),
        **made, "refused": refused, "containers": [container(each) for each in plan.served(filled)],
    }


def pictured(found: Solution, images: Mapping[str, str]) -> Solution:
    """With the images that are to be run. Unreadable: of a container that there is not."""
    known = [node.id for node in found.nodes]
    for name in images:
        if name not in known:
            raise Unreadable(f"images.{name}: there is no such container: {', '.join(known)}")
    nodes = tuple(
        msgspec.structs.replace(node, image=images[node.id]) if images.get(node.id) else node
        for node in found.nodes
    )
    return msgspec.structs.replace(found, nodes=nodes)


def container(node: Node) -> Obj:
    """What is asked before a deployment: where it runs already, or what is to be run."""
    return {
        "name": node.id, "kind": node.kind, "image": node.image, "proto": node.proto_uri,
        "operations": [one.name for one in node.operations],
    }


def _lowered(
    found: Solution, document: Obj, original: Obj | None, asked: Asked
) -> tuple[Obj, dict[str, str]]:
    try:
        known = {node.id for node in found.nodes}
        said = plan.addresses(asked.dockerinfo)
        given = {**{name: place for name, place in said.items() if name in known}, **asked.addresses}
        places = deploying.addresses(found, given)
        wanted: dict[str, Callable[[], Any]] = {
            "dockerinfo": lambda: plan.dockerinfo(places, asked.dockerinfo or None),
            "graph": lambda: lowering.graph(found, document, given, namespace=asked.namespace),
            "services": lambda: lowering.services(found, given),
            "workflow": lambda: lowering.workflow(found, document, given),
            "orchestrator": lambda: deploying.documents(found, original, given),
        }
        plan.dockerinfo(places)
    except Unreadable as problem:
        raise invalid(str(problem).partition(":")[0], str(problem).partition(": ")[2]) from None
    made: Obj = {}
    refused: dict[str, str] = {}
    for name, make in wanted.items():
        try:
            made[name] = make()
        except (Refused, Unreadable) as problem:
            made[name], refused[name] = None, str(problem)
    return made, refused


def to_acumos(asked: Asked) -> Obj:
    try:
        found = lifting.lift(one(asked))
    except Unreadable as problem:
        raise invalid("document", str(problem)) from None
    original = found.original
    form = solution.form(original) if original is not None else ""
    return {
        "blueprint": plan.write(found.solution, original if form == "blueprint" else None),
        "cdump": cdump.write(found.solution, original if form == "cdump" else None),
        "notes": list(found.notes),
    }
