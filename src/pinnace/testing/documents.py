"""What `run` is given as plain objects: a path, YAML text, a dict, an object of Hera, or several of them."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import msgspec

from pinnace.kinds.argo import GROUP, VERSION
from pinnace.kinds.resource import Obj

Given = Any
"""str (YAML text or a path), Path, dict, anything with `to_dict()` (Hera's objects), or an iterable."""
TEMPLATES = ("WorkflowTemplate", "ClusterWorkflowTemplate")
_API = f"{GROUP}/{VERSION}"


def read(given: Given) -> list[Obj]:
    """Raises ValueError, FileNotFoundError."""
    if isinstance(given, Path):
        return _parsed(given.read_text(), str(given))
    if isinstance(given, str):
        if "\n" in given or given.lstrip().startswith("{"):
            return _parsed(given, "the text")
        return read(Path(given))
    if isinstance(given, Mapping):
        return [copy.deepcopy(dict(given))]
    if callable(getattr(given, "to_dict", None)):
        return [dict(given.to_dict())]
    if isinstance(given, Iterable):
        return [document for each in given for document in read(each)]
    raise ValueError(
        f"{type(given).__name__} is no workflow: expected a path, YAML text, a dict or an object of Hera"
    )


def _parsed(text: str, origin: str) -> list[Obj]:
    import yaml

    try:
        found = msgspec.json.decode(_as_json(text))
    except yaml.YAMLError as error:
        raise ValueError(f"{origin} is not valid YAML: {error}") from error
    if not found or not all(isinstance(each, dict) and each.get("kind") for each in found):
        raise ValueError(f"{origin} holds no Kubernetes object: expected apiVersion, kind and metadata")
    return list(found)


@lru_cache(maxsize=64)
def _as_json(text: str) -> bytes:
    """Many tests run one file: it is parsed once, and each gets documents of its own."""
    import yaml

    return msgspec.json.encode([each for each in yaml.load_all(text, _loader()) if each is not None])


@cache
def _loader() -> Any:
    """Kubernetes reads dates as strings."""
    import yaml

    base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    timestamp = "tag:yaml.org,2002:timestamp"
    resolvers = {
        key: [pair for pair in pairs if pair[0] != timestamp]
        for key, pairs in base.yaml_implicit_resolvers.items()
    }
    return type("Loader", (base,), {"yaml_implicit_resolvers": resolvers})


def chosen(documents: list[Obj]) -> tuple[Obj, list[Obj]]:
    """The Workflow to run, and what is to be there before it. A lone template or CronWorkflow is run too.

    Raises ValueError."""
    workflows = [each for each in documents if each["kind"] == "Workflow"]
    others = [each for each in documents if each["kind"] != "Workflow"]
    if len(workflows) > 1:
        raise ValueError(f"{len(workflows)} Workflows were given: a test runs one at a time")
    if workflows:
        return workflows[0], others
    schedules = [each for each in others if each["kind"] == "CronWorkflow"]
    if len(schedules) == 1:
        return _of_schedule(schedules[0]), [each for each in others if each is not schedules[0]]
    templates = [each for each in others if each["kind"] in TEMPLATES]
    if len(templates) != 1:
        raise ValueError(
            "neither a Workflow nor exactly one template was given: nothing to run "
            f"(found {', '.join(each['kind'] for each in others)})"
        )
    return _of_template(templates[0]), others


def _of_schedule(document: Obj) -> Obj:
    spec, meta = document.get("spec") or {}, document.get("metadata") or {}
    kept = {key: value for key, value in meta.items() if key in ("name", "generateName", "namespace")}
    return {
        "apiVersion": _API,
        "kind": "Workflow",
        "metadata": {**kept, **(spec.get("workflowMetadata") or {})},
        "spec": spec.get("workflowSpec") or {},
    }


def _of_template(document: Obj) -> Obj:
    meta = document.get("metadata") or {}
    reference = {"name": meta.get("name", "")}
    if document["kind"] == "ClusterWorkflowTemplate":
        reference |= {"clusterScope": True}
    made = {"name": reference["name"], **({"namespace": meta["namespace"]} if "namespace" in meta else {})}
    return {
        "apiVersion": _API,
        "kind": "Workflow",
        "metadata": made,
        "spec": {"workflowTemplateRef": reference},
    }


def prepared(workflow: Obj, parameters: Mapping[str, Any]) -> Obj:
    """With a name that is the same every time, and the arguments of this run."""
    meta = workflow.setdefault("metadata", {})
    if not meta.get("name"):
        meta["name"] = f"{meta.pop('generateName', '') or 'workflow-'}test"
    if parameters:
        from pinnace.kinds.argo import text

        spec = workflow.setdefault("spec", {})
        arguments = spec.setdefault("arguments", {})
        kept = [each for each in arguments.get("parameters") or [] if each.get("name") not in parameters]
        given = [{"name": name, "value": text(value)} for name, value in parameters.items()]
        arguments["parameters"] = kept + given
    return workflow


def names(documents: Iterable[Obj]) -> Iterator[str]:
    """Every name under which a step may be replaced that the documents tell before anything runs."""
    for document in documents:
        spec = document.get("spec") or {}
        spec = spec.get("workflowSpec") or spec
        owner = (document.get("metadata") or {}).get("name", "")
        yield owner
        for template in spec.get("templates") or []:
            yield from _of_one(template)
            if document["kind"] in TEMPLATES:
                yield f"{owner}/{template.get('name', '')}"


def _of_one(template: Obj) -> Iterator[str]:
    yield template.get("name", "")
    steps = [step for group in template.get("steps") or [] for step in _group(group)]
    for step in [*steps, *((template.get("dag") or {}).get("tasks") or [])]:
        yield step.get("name", "")
        reference = step.get("templateRef")
        if reference:
            yield f"{reference.get('name', '')}/{reference.get('template', '')}"


def _group(group: Any) -> list[Obj]:
    return group if isinstance(group, list) else [group]
