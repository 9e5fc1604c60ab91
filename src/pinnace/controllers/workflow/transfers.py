"""What goes into a pod and out of it by digest, and what lies elsewhere and is brought and sent.

Callers: `pods`, `collecting`, `context`, `memo`. The annotation `pinnace.dev/transfers` is read by
`controllers/pods` and carried out by the node.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from pinnace.authoring.argo.expression.errors import ExpressionError
from pinnace.controllers.workflow import locations
from pinnace.controllers.workflow.facts import Fact
from pinnace.controllers.workflow.locations import OWN, Depot, Place
from pinnace.controllers.workflow.tags import Text
from pinnace.kinds.resource import Obj

if TYPE_CHECKING:
    from pinnace.controllers.workflow.inputs import Inputs
    from pinnace.controllers.workflow.leaves import Pod

LOGS, LOG_FILE = "main-logs", "main.log"
"""What upstream calls the artifact that a kept log is, and its file."""


def transferred(frame: Pod, wanted: list[Obj]) -> str:
    """The annotation `pinnace.dev/transfers`; '' if everything is here. `wanted` is rendered."""
    run = frame.run
    fetched = [
        _fetched(item, place)
        for item in frame.inputs.artifacts.values()
        if item.get("path")
        and (place := locations.place_of(locations.inside(item, item.get("subPath") or ""), depot_of(frame)))
    ]
    made: Obj = {"inputs": fetched, "outputs": {}}
    for item in wanted:
        assert frame.program is not None
        document = {**item, "name": item.get("file") or item["name"]}
        location = locations.target(document, run.depot, frame.program.template, key_prefix(frame))
        place = locations.place_of(location, run.depot)
        assert place is not None
        archive, level = locations.archive_of(item)
        shown = {"kind": place.kind, "where": place.where, "archive": archive, "level": level}
        if item["name"] == LOGS:
            made["logs"] = shown
        else:
            made["outputs"][item["name"]] = shown
    return msgspec.json.encode(made).decode() if fetched or wanted else ""


def _fetched(artifact: Obj, place: Place) -> Obj:
    made: Obj = {key: artifact[key] for key in ("name", "path", "mode") if artifact.get(key) is not None}
    made["place"] = {"kind": place.kind, "where": place.where, "archive": locations.unpacking(artifact)}
    if artifact.get("recurseMode"):
        made["recurse"] = True
    if artifact.get("optional"):
        made["optional"] = True
    return made


def depot_of(frame: Pod) -> Depot:
    """Pipelines keep what they make in the platform's own store: their URIs say so."""
    assert frame.program is not None
    return frame.run.depot if frame.program.component is None else OWN


def key_prefix(frame: Pod) -> str:
    """Where in the default repository this pod's artifacts lie."""
    form = frame.run.depot.key_format
    if form == locations.KEY_FORMAT:
        return f"{frame.run.name}/{frame.name}"
    return str(Text.of(form).render(frame.scope()))


def ask_digests(inputs: Inputs, ask: Any, depot: Depot = OWN) -> None:
    """Raises Need for an input whose digest is not known yet; InputError-like text where it never was
    stored."""
    for artifact in inputs.artifacts.values():
        key = locations.own_key(artifact, depot)
        if key and ask(where(artifact)) is None and not artifact.get("optional"):
            raise ExpressionError(
                f"inputs.artifacts.{artifact.get('name')}: "
                f"nothing is stored in the default repository under {key!r}"
            )


def where(artifact: Obj) -> Fact:
    """The question for an artifact's digest."""
    return Fact("artifact", locations.key_of(artifact), artifact.get("subPath") or "")
