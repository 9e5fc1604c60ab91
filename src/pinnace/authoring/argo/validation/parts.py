"""Rules of a template's parts that need no other template: arguments, inputs, outputs, leaves, metrics."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import Any

from pinnace.authoring.argo.validation import naming
from pinnace.kinds.argo import text
from pinnace.kinds.resource import Obj

KINDS = (
    "container", "containerSet", "steps", "script", "resource", "dag", "suspend", "data", "http", "plugin",
)
LEAVES = frozenset(KINDS) - {"steps", "dag"}
PODS = frozenset({"container", "containerSet", "script", "resource", "data"})
CHOICES = "container, containerSet, steps, script, resource, dag, suspend, template, template ref"
ACTIONS = ("get", "create", "apply", "delete", "replace", "patch")
POLICIES = ("Always", "OnError", "OnFailure", "OnTransientError", "")
NOT_LOCATED = frozenset({
    "name", "path", "mode", "optional", "archive", "from", "fromExpression", "subPath", "recurseMode",
    "globalName", "artifactGC", "archiveLogs", "deleted",
})
_METRIC = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_VARIABLE = re.compile(r"^{{.*}}$", re.DOTALL)
_EXPRESSION = re.compile(r"{{\s*=\s*(.+?)\s*}}")


def kind(name: str, raw: Obj) -> Iterator[str]:
    found = [one for one in KINDS if raw.get(one) is not None]
    if not found:
        yield f"templates.{name} template type unspecified. choose one of: {CHOICES}"
    elif len(found) > 1:
        yield f"templates.{name} multiple template types specified. choose one of: {CHOICES}"


def kind_of(raw: Obj) -> str:
    return next(one for one in KINDS if raw.get(one) is not None)


def arguments(prefix: str, given: Obj | None, *, empty: bool) -> Iterator[str]:
    """`empty`: values may come later."""
    parameters, artifacts = (given or {}).get("parameters") or [], (given or {}).get("artifacts") or []
    for wrong in naming.fields(parameters, parameters=True):
        yield f"{prefix}parameters{wrong}"
    for wrong in naming.fields(artifacts, parameters=True):
        yield f"{prefix}artifacts{wrong}"
    for one in parameters:
        yield from _argument(f"{prefix}{one.get('name')}", one, empty=empty)
    for one in artifacts:
        place = f"{prefix}{one.get('name')}"
        if not one.get("from") and not one.get("fromExpression") and not located(one):
            yield f"{place}.from, artifact location, or key is required"
        if one.get("from") and one.get("fromExpression"):
            yield f"{place} shouldn't have both `from` and `fromExpression` in Artifact"


def located(artifact: Obj) -> bool:
    return any(value is not None and key not in NOT_LOCATED for key, value in artifact.items())


def _argument(place: str, one: Obj, *, empty: bool) -> Iterator[str]:
    source, value = one.get("valueFrom"), one.get("value")
    if source is None and value is None and not empty:
        yield f"{place}.value or {place}.valueFrom is required"
    if source is not None:
        allowed = any(source.get(key) for key in ("configMapKeyRef", "event")) or "supplied" in source
        if not allowed or any(source.get(key) for key in ("path", "jsonPath", "parameter", "expression")):
            yield f"{place}.valueFrom only allows: default, configMapKeyRef and supplied"
    enum = one.get("enum")
    if enum is None:
        return
    if not enum:
        yield f"{place}.enum should contain at least one value"
    elif value is None:
        if not empty:
            yield f"{place}.value is required"
    elif text(value) not in [text(each) for each in enum]:
        yield f"{place}.value should be present in {place}.enum list"


def inputs(name: str, raw: Obj) -> Iterator[str]:
    found = raw.get("inputs") or {}
    for part in ("parameters", "artifacts"):
        for wrong in naming.fields(found.get(part) or [], parameters=True):
            yield f"templates.{name}.inputs.{part}{wrong}"
    leaf = kind_of(raw) in LEAVES
    for one in found.get("artifacts") or ():
        place = f"templates.{name}.inputs.artifacts.{one.get('name')}"
        yield from _path(place, one, leaf=leaf)
        if one.get("from"):
            yield f"{place}.from not valid in inputs"
        yield from location(place, one)


def _path(place: str, one: Obj, *, leaf: bool) -> Iterator[str]:
    path = str(one.get("path") or "")
    if not leaf:
        if path:
            yield f"{place}.path only valid in container/script templates"
    elif not path:
        yield f"error in {place}: Artifact '{one.get('name')}' did not specify a path"
    elif "/.." in path and "{{" not in path:
        safe = path[: path.index("/..")] or "/"
        if not posixpath.normpath(path).startswith(safe):
            yield f"error in {place}: Directory traversal is not permitted"


def location(place: str, one: Obj) -> Iterator[str]:
    if one.get("git") is not None and not one["git"].get("repo"):
        yield f"{place}.git.repo is required"


def supplied(name: str, raw: Obj, given: Obj | None) -> Iterator[str]:
    """`given`: the arguments of a call; None: whatever is needed will be there."""
    if given is None:
        return
    values = {
        one.get("name") for one in given.get("parameters") or ()
        if one.get("value") is not None or one.get("valueFrom") is not None
    }
    found = raw.get("inputs") or {}
    for one in found.get("parameters") or ():
        own = any(one.get(key) is not None for key in ("value", "default", "valueFrom"))
        if not own and one.get("name") not in values:
            yield f"templates.{name} inputs.parameters.{one.get('name')} was not supplied"
    there = {one.get("name") for one in given.get("artifacts") or ()}
    for one in found.get("artifacts") or ():
        if one.get("name") not in there and not one.get("optional") and not located(one):
            yield f"templates.{name} inputs.artifacts.{one.get('name')} was not supplied"


def outputs(name: str, raw: Obj) -> Iterator[str]:
    """After the tags of the outputs were resolved."""
    found, of = raw.get("outputs") or {}, kind_of(raw)
    for one in found.get("artifacts") or ():
        place = f"templates.{name}.outputs.artifacts.{one.get('name')}"
        yield from _path(place, one, leaf=of in LEAVES)
        yield from _global(place, one)
    for one in found.get("parameters") or ():
        place = f"templates.{name}.outputs.parameters.{one.get('name')}"
        wrong = list(_output(place, one))
        yield from wrong
        if not wrong and one.get("valueFrom") is not None:
            yield from _source(place, one["valueFrom"], of)
        yield from _global(place, one)


def _global(place: str, one: Obj) -> Iterator[str]:
    known = str(one.get("globalName") or "")
    if known and not naming.dynamic(known) and (wrong := naming.parameter(known)):
        yield f"{place}.globalName: {wrong}"


def _output(place: str, one: Obj) -> Iterator[str]:
    source = one.get("valueFrom")
    if one.get("value") is not None:
        if source is not None:
            yield f"{place} has both valueFrom and value specified. Choose one."
        return
    if source is None:
        yield f"{place} does not have valueFrom or value specified"
        return
    kinds = sum(1 for key in ("path", "jqFilter", "jsonPath", "parameter", "expression") if source.get(key))
    kinds += source.get("supplied") is not None
    choices = "path, jqFilter, jsonPath, parameter, raw"
    if kinds == 0:
        yield f"valueFrom type unspecified. choose one of: {choices}, expression"
    elif kinds > 1:
        yield f"multiple valueFrom types specified. choose one of: {choices}"


def _source(place: str, source: Obj, of: str) -> Iterator[str]:
    named = {"dag": "DAG", "steps": "Steps", "container": "Container", "containerSet": "ContainerSet",
             "script": "Script", "resource": "Resource"}.get(of, of)
    if of in ("container", "containerSet", "script"):
        if not source.get("path"):
            yield f"{place}.path must be specified for {named} templates"
    elif of == "resource":
        if not source.get("jqFilter") and not source.get("jsonPath"):
            yield f"{place} .jqFilter or jsonPath must be specified for {named} templates"
    elif of in ("steps", "dag") and not source.get("parameter") and not source.get("expression"):
        yield f"{place}.parameter or expression must be specified for {named} templates"


def leaf(name: str, raw: Obj) -> Iterator[str]:
    place = f"templates.{name}"
    of = kind_of(raw)
    if of == "container":
        yield from _mounts(place, raw)
    if of in ("container", "script") and not raw[of].get("image"):
        yield f"{place}.{of}.image may not be empty"
    if of == "containerSet":
        yield from _container_set(place, raw)
    if of == "resource":
        yield from _resource(name, raw)
    deadline = raw.get("activeDeadlineSeconds")
    if deadline is not None and not _seconds(deadline):
        yield f"{place}.activeDeadlineSeconds must be a positive integer > 0 or an argo variable"
    if raw.get("parallelism") is not None:
        yield f"{place}.parallelism is only valid for steps and dag templates"


def _seconds(value: Any) -> bool:
    said = text(value).strip()
    return bool(_VARIABLE.match(said)) or (said.isascii() and said.isdigit())


def _mounts(place: str, raw: Obj) -> Iterator[str]:
    taken: dict[str, str] = {}
    for at, mount in enumerate(raw["container"].get("volumeMounts") or ()):
        path = mount.get("mountPath") or ""
        if path in taken:
            yield f"{place}.container.volumeMounts[{at}].mountPath '{path}' already mounted in {taken[path]}"
        taken[path] = f"container.volumeMounts.{mount.get('name')}"
    for at, one in enumerate((raw.get("inputs") or {}).get("artifacts") or ()):
        path = one.get("path") or ""
        if path in taken:
            yield f"{place}.inputs.artifacts[{at}].path '{path}' already mounted in {taken[path]}"
        taken[path] = f"inputs.artifacts.{one.get('name')}"


def _container_set(place: str, raw: Obj) -> Iterator[str]:
    own = raw["containerSet"]
    members = own.get("containers") or []
    if not members:
        yield f"{place}.containerSet.containers must have at least one container"
    for wrong in naming.fields(members):
        yield f"{place}.containerSet.containers{wrong}"
    taken: dict[str, str] = {}
    for at, mount in enumerate(own.get("volumeMounts") or ()):
        path = mount.get("mountPath") or ""
        if path in taken:
            spot = f"{place}.containerSet.volumeMounts[{at}].mountPath"
            yield f"{spot} '{path}' already mounted in {taken[path]}"
        taken[path] = f"volumeMounts.{mount.get('name')}"
    names = {one.get("name") for one in members}
    for one in members:
        for needed in one.get("dependencies") or ():
            if needed not in names:
                yield f"{place}.containerSet.containers.{one.get('name')} dependency '{needed}' not defined"
    graph = {str(one.get("name")): tuple(one.get("dependencies") or ()) for one in members}
    if found := cycle(graph):
        yield f"{place}.containerSet.containers dependency cycle detected: {'->'.join(found)}"
    given, left = raw.get("inputs") or {}, raw.get("outputs") or {}
    if (given.get("artifacts") or left.get("parameters") or left.get("artifacts")) and "main" not in names:
        yield f'{place}.containerSet.containers must have a container named "main" for input or output'


def _resource(name: str, raw: Obj) -> Iterator[str]:
    own, place = raw["resource"], f"templates.{name}.resource"
    action = own.get("action") or ""
    if action not in ACTIONS and "{{" not in action:
        yield f"{place}.action must be one of: {', '.join(ACTIONS)}"
    if action in ("get", "delete"):
        return
    manifest, source = own.get("manifest") or "", own.get("manifestFrom")
    if not manifest and source is None:
        yield f"either {place}.manifest or {place}.manifestFrom must be specified"
    if manifest and source is not None:
        both = "both `manifest` and `manifestFrom` specified in `Manifest`"
        yield f"shouldn't have {both} for resource template"
    wanted = ((source or {}).get("artifact") or {}).get("name")
    there = {one.get("name") for one in (raw.get("inputs") or {}).get("artifacts") or ()}
    if wanted is not None and wanted not in there:
        yield f"artifact {wanted} in `manifestFrom` refer to a non-exist artifact"
    if manifest and not _yaml(manifest):
        yield f"{place}.manifest must be a valid yaml"


def _yaml(manifest: str) -> bool:
    """Tags stand for something: what the whole is, is seen when it is applied."""
    if "{{" in manifest:
        manifest = re.sub(r"{{.*?}}", "x", _EXPRESSION.sub("x", manifest), flags=re.DOTALL)
    import yaml  # only where something is applied

    try:
        for _ in yaml.compose_all(manifest, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            pass
    except yaml.YAMLError:
        return False
    return True


def metrics(name: str, raw: Obj) -> Iterator[str]:
    for metric in (raw.get("metrics") or {}).get("prometheus") or ():
        called = str(metric.get("name") or "")
        place = f"templates.{name} metric"
        if not _METRIC.fullmatch(called):
            words = "Metric names must contain alphanumeric characters or '_'"
            yield f"{place} name '{called}' is invalid. {words}"
        for label in metric.get("labels") or ():
            if not _METRIC.fullmatch(str(label.get("key") or "")):
                words = "keys may only contain alphanumeric characters or '_'"
                yield f"metric label '{label.get('key')}' is invalid: {words}"
        if not metric.get("help"):
            yield f"{place} '{called}' must contain a help string under 'help: ' field"
        for of in ("gauge", "counter", "histogram"):
            own = metric.get(of)
            if own is not None and not own.get("value"):
                yield f"{place} '{called}' error: missing {of}.value"
        gauge = metric.get("gauge") or {}
        if gauge.get("realtime") and "resourcesDuration." in str(gauge.get("value")):
            words = "'resourcesDuration.*' metrics cannot be used in real-time"
            yield f"{place} '{called}' error: {words}"


def cycle(graph: dict[str, tuple[str, ...]]) -> list[str]:
    """One cycle, if there is one. Iterative: a DAG may have a hundred thousand tasks."""
    state: dict[str, int] = {}
    for root in graph:
        path: list[str] = []
        stack = [(root, False)]
        while stack:
            name, leaving = stack.pop()
            if leaving:
                state[name] = 2
                path.pop()
            elif state.get(name) == 1:
                return [*path[path.index(name) :], name]
            elif name in graph and name not in state:
                state[name] = 1
                path.append(name)
                stack.append((name, True))
                stack.extend((other, False) for other in graph[name])
    return []
