"""Acumos in and out: `acumos` (a blueprint or CDUMP) and `to-acumos` (a Workflow or InferenceGraph)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pinnace.api.authoring.asked import Asked, invalid, one
from pinnace.authoring.blueprint import cdump, deploying, judging, lifting, lowering, plan, proto, solution
from pinnace.authoring.blueprint.lowering import Refused
from pinnace.authoring.blueprint.solution import Obj, Solution, Unreadable


def acumos(asked: Asked) -> Obj:
    """Everything that a composition becomes; `refused` says what it cannot become, and why."""
    document = one(asked)
    try:
        form = solution.form(document)
        found = solution.of(document)
        filled = proto.with_protos(found, asked.protos)
    except Unreadable as problem:
        raise invalid("document", str(problem)) from None
    except proto.ProtoError as problem:
        raise invalid(str(problem).partition(":")[0], str(problem).partition(": ")[2]) from None
    origin = {"blueprint": None, "cdump": None, form: document}
    made, refused = _lowered(filled, origin["blueprint"], asked)
    return {
        "format": form, "name": found.name,
        "findings": [{"message": each.message, "node": each.node} for each in judging.judge(filled)],
        "blueprint": plan.write(found, origin["blueprint"]),
        "cdump": cdump.write(filled if form == "blueprint" else found, origin["cdump"]),
        **made, "refused": refused,
    }


def _lowered(found: Solution, original: Obj | None, asked: Asked) -> tuple[Obj, dict[str, str]]:
    given = asked.addresses
    try:
        places = deploying.addresses(found, given)
        wanted: dict[str, Callable[[], Any]] = {
            "dockerinfo": lambda: plan.dockerinfo(places),
            "graph": lambda: lowering.graph(found, original, given, namespace=asked.namespace),
            "services": lambda: lowering.services(found, given),
            "workflow": lambda: lowering.workflow(found, original, given),
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
