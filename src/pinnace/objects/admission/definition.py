"""CustomResourceDefinitions: the names that are filled in; their rules are `kinds.crd`'s."""

from __future__ import annotations

from pinnace.kinds import crd
from pinnace.kinds.cause import Cause
from pinnace.kinds.resource import Obj
from pinnace.objects.admission.rules import Rules


def default(definition: Obj) -> None:
    spec = definition.get("spec")
    if not isinstance(spec, dict):
        return
    spec.setdefault("conversion", {"strategy": "None"})
    called = spec.get("names")
    if isinstance(called, dict) and isinstance(called.get("kind"), str):
        called.setdefault("singular", called["kind"].lower())
        called.setdefault("listKind", called["kind"] + "List")


def change(old: Obj, new: Obj) -> list[Cause]:
    return crd.definition_causes(new, old)


DEFINITION = Rules(default=default, check=crd.definition_causes, change=change)
