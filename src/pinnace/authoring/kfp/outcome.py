"""What a step left, read as the launcher reads it: the executor's output first, else each parameter's file.

Caller: `controllers/workflow/components`. Source: kubeflow/pipelines backend/src/v2/component/launcher_v2.go.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pinnace.authoring.kfp.ir import Obj
from pinnace.authoring.kfp.launch import EXECUTOR_OUTPUT, NO_FILE
from pinnace.authoring.kfp.step import Step, path_of
from pinnace.authoring.kfp.values import encoded, of_text, whole

OWN = "own/"
"""Before the URI, the name under which the node collects an artifact from a place of its own."""


class Missing(ValueError):
    """An output that the component promised and did not leave."""


def results(step: Step, root: str, files: Mapping[str, str], *, failed: bool) -> dict[str, str]:
    """Each output by name as JSON text. Raises Missing, unless the step failed anyway."""
    written = _executor(files, failed)
    made: dict[str, str] = {}
    for name, declared in step.outputs.parameters.items():
        value = _parameter(name, declared.parameter_type, written, files)
        if value is not None:
            made[name] = value
        elif not failed and not declared.is_optional:
            raise Missing(
                f"output parameter {name!r}: {step.task} wrote neither a file nor an executor output"
            )
    for name, output in step.outputs.artifacts.items():
        found = ((written.get("artifacts") or {}).get(name) or {}).get("artifacts")
        base = {"name": name, "type": output.artifact_type, "uri": f"{root}/{name}", "metadata": {}}
        if output.is_artifact_list:
            made[name] = encoded([_artifact({**base, "uri": ""}, one, root) for one in found or []])
        else:
            made[name] = encoded([_artifact(base, (found or [{}])[0], root)])
    return made


def places(text: str) -> dict[str, str]:
    """Artifacts of an executor's output that lie at a `custom_path`: `own/<uri>` → path."""
    try:
        groups = (json.loads(text).get("artifacts") or {}).values()
        found = [one for group in groups for one in group.get("artifacts") or []]
        return {f"{OWN}{one['uri']}": one["custom_path"] for one in found if one.get("custom_path")}
    except (ValueError, AttributeError, TypeError, KeyError):
        return {}


def _executor(files: Mapping[str, str], failed: bool) -> Obj:
    text = files.get(EXECUTOR_OUTPUT, NO_FILE)
    if text == NO_FILE:
        return {}
    try:
        found = json.loads(text)
    except ValueError as error:
        if failed:
            return {}
        raise Missing(f"the executor's output is no JSON: {error}") from None
    return found if isinstance(found, dict) else {}


def _parameter(name: str, kind: str, written: Obj, files: Mapping[str, str]) -> str | None:
    values: Obj = written.get("parameterValues") or {}
    if name in values:
        return encoded(values[name])
    text = files.get(name, NO_FILE)
    if text == NO_FILE:
        return None
    try:
        return encoded(of_text(kind, text))
    except ValueError:
        raise Missing(f"output parameter {name!r}: {text[:80]!r} is no {kind}") from None


def _artifact(base: Obj, found: Obj, root: str) -> Obj:
    made = {**base, "metadata": whole(found.get("metadata") or {})}
    if found.get("name"):
        made["name"] = found["name"]
    if found.get("uri"):
        made["uri"] = _uri(found["uri"], root)
    return made


def _uri(uri: str, root: str) -> str:
    """A path below the step's own folder, however a plain process saw it, is the URI that others know."""
    marker = path_of(root)
    at = uri.find(marker)
    return root + uri[at + len(marker) :] if at >= 0 and "://" not in uri else uri


def shown(text: str) -> Any:
    """A value as people read it: JSON text decoded, or None."""
    return json.loads(text) if text else None
