"""A pipeline of Kubeflow Pipelines, or a run of one, as a bundle: the IR, and a plain Workflow beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pinnace.authoring.export.bundle import Bundle
from pinnace.cli.platform import Failure
from pinnace.kinds.resource import Obj, Resource

if TYPE_CHECKING:
    from pinnace.cli.export.gathering import Gathering


def bundle(gathering: Gathering, resource: Resource, obj: Obj) -> Bundle:
    raise Failure("pipelines are exported by their Workflow")
