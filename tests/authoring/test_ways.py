"""Which branch of a drawn graph a message would take."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pinnace.api.authoring.asked import Asked
from pinnace.api.authoring.ways import ways
from pinnace.objects.errors import StatusError

GRAPH: dict[str, Any] = {
    "kind": "InferenceGraph",
    "spec": {"nodes": {
        "root": {"routerType": "Switch", "steps": [
            {"serviceName": "a", "condition": "instances.#(kind==\"cat\")"},
            {"nodeName": "after", "condition": "instances"},
        ]},
        "after": {"routerType": "Sequence", "steps": [
            {"serviceName": "b"}, {"serviceName": "c", "condition": "score.#(>3)"},
            {"serviceName": "c", "condition": "x.#(y"},
        ]},
        "all": {"routerType": "Ensemble", "steps": [{"serviceName": "b"}]},
    }},
}


def told(message: Any) -> Any:
    return ways(Asked(document=GRAPH, message=json.dumps(message)))["nodes"]


def test_every_condition_is_judged_and_a_switch_takes_the_first_that_is_met() -> None:
    found = told({"instances": [{"kind": "dog"}], "score": [1, 5]})
    assert list(found) == ["root", "after"]
    assert (found["root"]["taken"], [each["met"] for each in found["root"]["steps"]]) == (1, [False, True])
    assert [(each["index"], each["met"]) for each in found["after"]["steps"]] == [(1, True), (2, False)]
    assert "not closed" in found["after"]["steps"][1]["problem"]
    assert told({"instances": [{"kind": "cat"}]})["root"]["taken"] == 0
    assert told({"other": 1})["root"]["taken"] is None


def test_what_cannot_be_judged_is_refused_by_its_field() -> None:
    with pytest.raises(StatusError, match="message: it is no JSON"):
        ways(Asked(document=GRAPH, message="{"))
    with pytest.raises(StatusError, match="expected InferenceGraph, found 'Workflow'"):
        ways(Asked(document={"kind": "Workflow"}, message="1"))
