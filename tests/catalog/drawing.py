"""A small pencil: workflows of components, wired by the names of their ports."""

from __future__ import annotations

import json
from typing import Any

from pinnace.cli.catalog.shipped import components

Obj = dict[str, Any]
KNOWN: dict[str, Obj] = {one["metadata"]["name"]: one for one in components()}


def expected(component: str) -> Obj:
    return json.loads(KNOWN[component]["metadata"]["annotations"].get("pinnace.dev/expects", "{}"))


class Drawing:
    def __init__(self) -> None:
        self.tasks: list[Obj] = []
        self.outputs: list[Obj] = []

    def put(
        self, name: str, component: str, wires: dict[str, str] | None = None, /, **parameters: object
    ) -> str:
        """`wires`: input → `task.output`; a parameter's name may be written with `_` for `-`."""
        template = KNOWN[component]["spec"]["templates"][0]
        own = {one["name"] for one in (template.get("inputs") or {}).get("parameters") or ()}
        artifacts, given = [], {key.replace("_", "-"): str(value) for key, value in parameters.items()}
        for port, source in (wires or {}).items():
            task, _, output = source.partition(".")
            kind = "parameters" if port in own else "artifacts"
            tag = f"{{{{tasks.{task}.outputs.{kind}.{output}}}}}"
            if port in own:
                given[port] = tag
            else:
                artifacts.append({"name": port, "from": tag})
        before = sorted({source.partition(".")[0] for source in (wires or {}).values()})
        self.tasks.append({
            "name": name, **({"depends": " && ".join(before)} if before else {}),
            "templateRef": {"name": component, "template": component, "clusterScope": True},
            "arguments": {
                "parameters": [{"name": key, "value": text} for key, text in given.items()],
                "artifacts": artifacts,
            },
        })
        return name

    def used(self) -> set[str]:
        return {task["templateRef"]["name"] for task in self.tasks}

    def workflow(self, name: str) -> Obj:
        return {
            "apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": name},
            "spec": {"entrypoint": "main", "templates": [{"name": "main", "dag": {"tasks": self.tasks}}]},
        }


def results(workflow: Obj) -> dict[str, dict[str, str]]:
    """Task → its output parameters."""
    return {
        node["displayName"]: {
            one["name"]: one["value"] for one in (node.get("outputs") or {}).get("parameters") or ()
        }
        for node in (workflow["status"].get("nodes") or {}).values()
    }


def within(value: str, limits: list[float]) -> bool:
    return limits[0] <= float(value) <= limits[1]
