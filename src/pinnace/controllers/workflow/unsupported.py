"""What a workflow asks for and does not get yet: told in its status, never passed over in silence.

A field here changes when or beside what steps run, not what they compute, so the workflow still runs and
says what was left out (condition `SpecWarning`, upstream's for deprecated fields). What would make a result
wrong is refused by `validation` instead. Caller: `flush`.
"""

from __future__ import annotations

from collections.abc import Iterator

from pinnace.kinds.resource import Obj

WORKFLOW = {
    "podDisruptionBudget": "nothing enforces it on one machine",
    "artifactGC": "artifacts are kept",
}
TEMPLATE = {
    "pendingTimeout": "pending pods wait without a limit",
}


def ignored(spec: Obj) -> str:
    """One sentence a field, by path; '' when everything asked for is done."""
    return "; ".join(_found(spec))


def _found(spec: Obj) -> Iterator[str]:
    yield from _named(spec, WORKFLOW, "spec")
    yield from _named(spec.get("templateDefaults") or {}, TEMPLATE, "spec.templateDefaults")
    for index, template in enumerate(spec.get("templates") or []):
        if not isinstance(template, dict):
            continue
        path = f"spec.templates[{index}]"
        yield from _named(template, TEMPLATE, path)


def _named(holder: Obj, names: dict[str, str], path: str) -> Iterator[str]:
    for name, effect in names.items():
        if holder.get(name):
            yield f"{path}.{name}: {effect}"
