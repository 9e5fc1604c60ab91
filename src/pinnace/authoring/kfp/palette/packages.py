"""Components of compiled pipelines: every leaf, every pipeline inside, and the pipeline itself. Pure.

Settings that a task was given (resources) stay with the task, as the SDK's own loader has it; what is the
same but for them is offered once. Caller: `reading`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from msgspec import UNSET

from pinnace.authoring.kfp.ir import Obj, Package
from pinnace.authoring.kfp.palette import piece as pieces
from pinnace.authoring.kfp.palette.piece import Piece, Spec

GROUP = re.compile(r"comp-(for-loop|condition-branches|condition|exit-handler)-\d+(-\d+)?$")
"""What the compiler makes of a `with`: it means nothing outside of its pipeline."""


def offered(package: Package) -> tuple[Piece, ...]:
    spec = package.spec
    known = spec.get("components") or {}
    made: dict[str, Piece] = {}
    for name in sorted(known, key=lambda each: (len(each), each)):
        if not GROUP.match(name):
            one = _piece(package, name, known[name])
            made.setdefault(_identity(one.spec), one)
    found = sorted(made.values(), key=lambda each: each.name)
    return (*found, *_whole(package, found))


def _piece(package: Package, name: str, component: Obj) -> Piece:
    bare = name.removeprefix("comp-")
    if component.get("dag") is not None:
        return _pipeline(package, bare, component, "")
    executor = _executors(package).get(str(component.get("executorLabel") or ""))
    group, description = _kind(executor), _docstring(executor)
    spec = Spec(component, _plain(executor), platform=_platform(package, [component]) or UNSET)
    return pieces.piece(bare, pieces.titled(bare), description, group, spec)


def _whole(package: Package, found: list[Piece]) -> Iterator[Piece]:
    """The pipeline as a component; not of what the compiler wraps around a single one."""
    root, info = package.spec.get("root") or {}, package.pipeline.pipeline_info
    if root.get("dag") is None or any(one.name == info.name for one in found):
        return
    made = _pipeline(package, info.name, root, info.description)
    title = info.display_name or pieces.titled(info.name)
    yield pieces.piece(info.name, title, info.description, pieces.PIPELINES, made.spec)


def _pipeline(package: Package, name: str, component: Obj, description: str) -> Piece:
    inside = dict(_inside(package, component, set()))
    labels = {str(one.get("executorLabel")) for one in inside.values() if one.get("executorLabel")}
    executors = {key: one for key, one in _executors(package).items() if key in labels}
    spec = Spec(component, None, inside, executors, _platform(package, list(inside.values())) or UNSET)
    return pieces.piece(name, pieces.titled(name), description, pieces.PIPELINES, spec)


def _inside(package: Package, component: Obj, seen: set[str]) -> Iterator[tuple[str, Obj]]:
    known = package.spec.get("components") or {}
    for task in ((component.get("dag") or {}).get("tasks") or {}).values():
        name = str((task.get("componentRef") or {}).get("name") or "")
        if name in known and name not in seen:
            seen.add(name)
            yield name, known[name]
            yield from _inside(package, known[name], seen)


def _executors(package: Package) -> Obj:
    return dict((package.spec.get("deploymentSpec") or {}).get("executors") or {})


def _plain(executor: Obj | None) -> Obj | None:
    if executor is None or "container" not in executor:
        return executor
    kept = {key: one for key, one in executor["container"].items() if key != "resources"}
    return {**executor, "container": kept}


def _platform(package: Package, components: list[Obj]) -> Obj:
    labels = {one.get("executorLabel") for one in components}
    made: Obj = {}
    for name, platform in (package.platform.get("platforms") or {}).items():
        every = ((platform or {}).get("deploymentSpec") or {}).get("executors") or {}
        mine = {key: one for key, one in every.items() if key in labels}
        if mine:
            made[name] = {"deploymentSpec": {"executors": mine}}
    return made


def _identity(spec: Spec) -> str:
    component = {key: one for key, one in spec.component.items() if key != "executorLabel"}
    settings = [] if spec.platform is UNSET else [
        list(one["deploymentSpec"]["executors"].values()) for one in spec.platform.values()
    ]
    return json.dumps([component, spec.executor, settings], sort_keys=True, default=str)


def _kind(executor: Obj | None) -> str:
    if executor is None or "container" not in executor:
        return pieces.IMPORTERS if executor and "importer" in executor else pieces.PIPELINES
    args = executor["container"].get("args") or []
    return pieces.FUNCTIONS if "--function_to_execute" in args else pieces.CONTAINERS


def _docstring(executor: Obj | None) -> str:
    """Of a function: the source travels in the command."""
    command: list[Any] = ((executor or {}).get("container") or {}).get("command") or []
    if _kind(executor) != pieces.FUNCTIONS or not command or "import kfp" not in str(command[-1]):
        return ""
    from pinnace.authoring.kfp.palette import documentation

    return documentation.of_source(str(command[-1]))
