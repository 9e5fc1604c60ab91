"""A step as its replacement sees it: everything resolved, as the container would have got it.

Made by `node`; kept in `Outcome.steps` in the order in which the steps started.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

from pinnace.kinds.annotations import STAGING
from pinnace.kinds.argo import NodeStatus
from pinnace.kinds.resource import Obj

_OURS = "ARGO_"


class Step(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    """Of its node, without the workflow's: `[0].a(1:x)` of steps, `train` of a DAG's task, '' of the
    entrypoint."""
    display_name: str
    template: str
    """As the workflow calls it: `train`, or `library/train` by reference."""
    attempt: int = 0
    """Of a retried step, from 0."""
    parameters: dict[str, str] = {}
    artifacts: dict[str, Any] = {}
    """By name: text, bytes where it is none, or a folder as a dict."""
    pod: Obj = {}
    """The Pod (of a resource template: the manifest) that would have been created."""

    @property
    def main(self) -> Obj:
        """The container of the template."""
        found = (self.pod.get("spec") or {}).get("containers") or [{}]
        return next((each for each in found if each.get("name") == "main"), found[0])

    @property
    def image(self) -> str:
        return str(self.main.get("image", ""))

    @property
    def command(self) -> list[str]:
        return list(self.main.get("command") or [])

    @property
    def args(self) -> list[str]:
        return list(self.main.get("args") or [])

    @property
    def env(self) -> dict[str, str]:
        """Variables with a value of their own; those from Secrets and the like are in `pod`."""
        return {
            each["name"]: each["value"]
            for each in self.main.get("env") or []
            if "value" in each and not each["name"].startswith(_OURS)
        }

    @property
    def source(self) -> str:
        """A script's program."""
        return str(self.staging.get("script") or "")

    @property
    def staging(self) -> Obj:
        annotations = (self.pod.get("metadata") or {}).get("annotations") or {}
        return dict(json.loads(annotations.get(STAGING) or "{}"))


def names_of(node: NodeStatus, workflow: str) -> list[str]:
    """Under which a step may be named, the most precise first."""
    inner = short(node.name, workflow)
    base = base_name(node.display_name or inner)
    return list(dict.fromkeys([node.name, inner, base_name(inner), node.display_name, base, called(node)]))


def called(node: NodeStatus) -> str:
    reference = node.template_ref or {}
    if reference:
        return f"{reference.get('name', '')}/{reference.get('template', '')}"
    return node.template_name


def short(name: str, workflow: str) -> str:
    return name.removeprefix(workflow).removeprefix(".")


def base_name(name: str) -> str:
    """Without a loop's or a retry's suffix: `a(0:x)(1)` is `a`."""
    return name.partition("(")[0]


def attempt_of(node: NodeStatus) -> int:
    """The engine names attempts `a(0)`, a loop's turns `a(0:x)`."""
    last = node.name.rpartition("(")[2].removesuffix(")") if node.name.endswith(")") else ""
    return int(last) if last.isdigit() and (node.node_flag or {}).get("retried") else 0
